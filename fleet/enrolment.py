"""A new machine proves whose it is: a token for it alone, once, from the provider's address."""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from fleet import authority
from fleet.declared import ENGINE_PORT
from fleet.models import Node, Server
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
WAITING = (Server.Status.CREATING, Server.Status.BOOTING, Server.Status.ENROLLING)


@dataclass(frozen=True)
class Welcome:
    """What an enrolled node gets."""

    ca: str
    certificate: str


def token_mint(server: Server) -> str:
    """A new token; what was given out before is worth nothing. Only its digest is kept."""
    token = f"{server.pk.hex}.{secrets.token_urlsafe(32)}"
    until = timezone.now() + timedelta(minutes=settings.WOPR_ENROLMENT_MINUTES)
    Server.objects.filter(pk=server.pk, enrolled_at=None).update(
        enrolment_digest=_digest(token), enrolment_until=until
    )
    return token


def node_register(*, token: str, csr: str, address: str) -> Welcome:
    """Lets the machine in, once. Refused says no more than that; the log says why."""
    server = _holder(token)
    if not server.address:
        raise Refused("too_early", "The address is not known yet; try again.", status=425)
    if address not in {server.address, server.private_address}:
        raise _refused(f"{server} enrolled from {address}, not from {server.address}")
    certificate = authority.engine_certificate(csr, name=server.name, addresses=_addresses(server))
    own_certificate, own_key = authority.client_pair(settings.WOPR_DEPLOYMENT)
    ca = authority.authority().certificate
    with transaction.atomic():
        if not _use(server):
            raise _refused(f"{server} enrolled twice")
        node = Node.objects.create(
            name=server.name[:63],
            engine_url=f"tcp://{_reach(server)}:{ENGINE_PORT}",
            tls_ca=ca,
            tls_certificate=own_certificate,
            tls_key=own_key,
            address=_reach(server),
            region=server.region,
            memory_mb=server.memory_mb,
            # Nothing is placed on it before its engine was seen.
            accepts_instances=False,
        )
        Server.objects.filter(pk=server.pk).update(node=node)
    logger.info("server %s enrolled from %s", server, address)
    return Welcome(ca=ca, certificate=certificate)


def _holder(token: str) -> Server:
    """The server that the token is for, unless it is used, late, or was never given out."""
    server_id = _server_id(token)
    server = Server.objects.filter(pk=server_id).first() if server_id else None
    if server is None or not server.enrolment_digest:
        raise _refused("an enrolment token that is nobody's, or was used")
    if not hmac.compare_digest(server.enrolment_digest, _digest(token)):
        raise _refused(f"a wrong enrolment token for {server}")
    if server.enrolment_until is None or server.enrolment_until <= timezone.now():
        raise _refused(f"the enrolment token of {server} has expired")
    if server.status not in WAITING:
        raise _refused(f"{server} is {server.status} and enrols no more")
    return server


def _server_id(token: str) -> UUID | None:
    try:
        return UUID(token.partition(".")[0])
    except ValueError:
        return None


def _use(server: Server) -> bool:
    """One winner, however many try at once."""
    now = timezone.now()
    return bool(
        Server.objects.filter(
            pk=server.pk,
            enrolled_at=None,
            enrolment_digest=server.enrolment_digest,
            status__in=WAITING,
        ).update(enrolled_at=now, enrolment_digest="")
    )


def _addresses(server: Server) -> list[str]:
    return [address for address in (server.address, server.private_address) if address]


def _reach(server: Server) -> str:
    """Where the platform reaches the node: by the private network alone, if it is to be so."""
    if not settings.WOPR_NODES_PRIVATE:
        return server.address
    if not server.private_address:
        raise _refused(f"{server} has no private address, which WOPR_NODES_PRIVATE asks for")
    return server.private_address


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _refused(why: str) -> Refused:
    logger.warning("enrolment refused: %s", why)
    return Refused("enrolment_refused", "This machine is not let in.", status=403)
