"""What a bot's parts cost us a day, as far as that is known."""

from decimal import Decimal

from django.conf import settings

from fleet.models import Instance


def memory_cost(instance: Instance) -> Decimal:
    """Of the memory that it takes."""
    return settings.WOPR_COST_MEMORY_GB_DAY * instance.memory_mb / 1024


def disk_cost(instance: Instance) -> Decimal:
    """Of its data; as much as its plan allows while nobody has measured."""
    used = Decimal(instance.disk_used) / 1024**3 if instance.disk_used else instance.disk_gb
    return settings.WOPR_COST_DISK_GB_DAY * used
