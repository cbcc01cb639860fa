"""Worker room: how much the bots' volumes hold, told to billing once for every hour."""

import logging
from datetime import UTC, datetime

from django.utils import timezone

from billing.models import Meter
from billing.usage import Use, usage_record
from fleet.engines.registry import engine
from fleet.models import Instance, Node
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
MEGABYTE = 1_000_000


def storage_meter() -> int:
    """Counts each bot's MB for the current hour; a second run in the same hour counts nothing.

    Returns how many uses were new. A node whose engine is away is left out of this hour.
    """
    hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return sum(_meter_node(node, hour) for node in Node.objects.all())


def _meter_node(node: Node, hour: datetime) -> int:
    try:
        sizes = engine(node).volume_sizes()
    except ProviderError as error:
        logger.warning("the storage on %s is not metered this hour: %s", node, error)
        return 0
    alive = node.instances.exclude(status=Instance.Status.TERMINATED)
    return usage_record(
        Use(
            event_id=f"storage:{instance.pk}:{hour:%Y%m%d%H}",
            tenant_id=instance.tenant_id,
            meter=Meter.STORAGE_MB_HOURS,
            quantity=-(-sizes[instance.volume_name] // MEGABYTE),
            happened_at=hour,
        )
        for instance in alive
        if instance.volume_name in sizes
    )
