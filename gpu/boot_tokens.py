"""The token by which one node reports its boot: bound to the node and to a time, kept nowhere.

Derived from GPU_NODE_SECRET by HKDF (RFC 5869) and HMAC, so that what a machine's user-data shows
opens one boot and nothing else, and the shared secret never leaves the platform.
"""

import hashlib
import hmac
import time
from datetime import timedelta
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from wopr.common.errors import Refused

LIFE = timedelta(hours=6)


def issue(node_id: UUID) -> str:
    """A token for that node's boot, good for LIFE."""
    return _sealed(node_id, int(time.time() + LIFE.total_seconds()))


def node_of(token: str) -> UUID:
    """The node that the token was made for. Raises Refused for any that is not ours or is over."""
    try:
        name, expiry, _ = token.split(".")
        node_id, until = UUID(name), int(expiry)
    except ValueError:
        raise _refused() from None
    if not hmac.compare_digest(token.encode(), _sealed(node_id, until).encode()):
        raise _refused()
    if until < time.time():
        raise Refused("token_expired", "This boot took too long; its token is over.", status=401)
    return node_id


def _refused() -> Refused:
    return Refused("invalid_token", "The bearer token opens nothing here.", status=401)


def _sealed(node_id: UUID, until: int) -> str:
    said = f"{node_id}.{until}"
    return f"{said}.{hmac.new(_key(), said.encode(), hashlib.sha256).hexdigest()}"


def _key() -> bytes:
    if not settings.GPU_NODE_SECRET:
        raise Refused("not_configured", "GPU_NODE_SECRET is not set.", status=503)
    derivation = HKDF(hashes.SHA256(), length=32, salt=None, info=b"wopr gpu boot token")
    return derivation.derive(settings.GPU_NODE_SECRET.encode())
