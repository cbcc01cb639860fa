"""Worker room: keeps room for more bots in the pool, by buying a server or by asking for one."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum

from fleet import orders, placement
from fleet.models import CatalogueOffer, Operation, Server
from fleet.offers import Need, best_for_its_memory, fitting
from tenants import alarms
from wopr.common.errors import ProviderError, Refused
from wopr.common.locks import session_lock_if_free

logger = logging.getLogger(__name__)
Status = Server.Status
ON_THEIR_WAY = (Status.REQUESTED, Status.CREATING, Status.BOOTING, Status.ENROLLING)


def lacking_mb() -> int:
    """How much memory the pool has less than it should, what is on its way counted; 0 if none."""
    spare = sum(placement.spare_on_all(placement.open_nodes()).values())
    coming = _pool().filter(status__in=ON_THEIR_WAY).aggregate(sum=Sum("memory_mb"))["sum"] or 0
    wanted: int = settings.WOPR_POOL_HEADROOM_MB
    return max(wanted - spare - int(coming), 0)


def proposal() -> CatalogueOffer | None:
    """The cheapest server that mends the lack, or of several that it takes the best one.

    None when nothing lacks or nothing is on offer.
    """
    lack = lacking_mb()
    if not lack:
        return None
    least = Need(settings.WOPR_POOL_SERVER_MB)
    whole = fitting(Need(max(lack, least.memory_mb))).first()
    return whole or best_for_its_memory(least)


def buy() -> Operation | None:
    """Orders what is proposed, if WOPR may buy by itself and the limit is not reached."""
    if not settings.WOPR_POOL_BUYS:
        return None
    with session_lock_if_free("pool head-room") as free:
        offer = proposal() if free else None
        if offer is None or _is_at_its_limit() or orders.failed_lately(_pool()):
            return None
        return _bought(offer)


def _bought(offer: CatalogueOffer) -> Operation | None:
    try:
        with transaction.atomic():
            return orders.order(
                provider=offer.provider,
                region=offer.region,
                size=offer.size,
                cause="pool: too little head-room",
            )[1]
    except Refused as refused:
        logger.error("the pool lacks room, and %s cannot be had: %s", offer, refused.message)
        return None


def alarm() -> int:
    """Writes to staff what the pool lacks, and what would mend it. Returns to how many."""
    lack = lacking_mb()
    if not lack:
        return 0
    offer = proposal()
    text = f"The pool has {lack} MB of memory less than WOPR_POOL_HEADROOM_MB asks for.\n\n"
    if offer is None:
        text += "Nothing that fits is on offer now.\n"
    else:
        text += f"Cheapest fit: {offer} for {offer.monthly:.2f} {offer.currency} a month:\n"
        text += f"manage.py server_order --provider {offer.provider}"
        text += f" --region {offer.region} --size {offer.size}\n"
    try:
        return alarms.staff_told(subject="The pool has too little room", text=text)
    except ProviderError as error:
        logger.error("staff was not told that the pool lacks %s MB: %s", lack, error)
        return 0


def _pool() -> QuerySet[Server]:
    return Server.objects.filter(purpose=Server.Purpose.NODE, tenant=None)


def _is_at_its_limit() -> bool:
    bought = _pool().filter(status__in=(Status.REQUESTED, *Server.PAID))
    if bought.count() < settings.WOPR_POOL_MOST_SERVERS:
        return False
    logger.error("the pool lacks room, and has WOPR_POOL_MOST_SERVERS servers already")
    return True
