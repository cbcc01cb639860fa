"""What a fresh installation offers; staff change the rows, and this list touches none again."""

from typing import Any

from billing.models import AddOn, IncludedUsage, Meter, Plan, Price

MONTH, YEAR = Price.Interval.MONTH, Price.Interval.YEAR
FIRST_PLANS: tuple[tuple[dict[str, Any], dict[str, int]], ...] = (
    (
        {
            "code": "starter",
            "name": "Starter",
            "description": "One bot to try things out with.",
            "memory_mb": 256,
            "cpu_millis": 500,
            "pids": 128,
            "disk_gb": 2,
            "backups_kept": 3,
            "position": 1,
        },
        {MONTH: 900, YEAR: 9000},
    ),
    (
        {
            "code": "team",
            "name": "Team",
            "description": "One bot that works all day, with room for plugins.",
            "memory_mb": 1024,
            "cpu_millis": 1000,
            "pids": 256,
            "disk_gb": 10,
            "backups_kept": 7,
            "position": 2,
        },
        {MONTH: 2900, YEAR: 29000},
    ),
    (
        {
            "code": "studio",
            "name": "Studio",
            "description": "For heavy conversations, many plugins and long memories.",
            "memory_mb": 4096,
            "cpu_millis": 2000,
            "pids": 512,
            "disk_gb": 40,
            "backups_kept": 14,
            "position": 3,
        },
        {MONTH: 7900, YEAR: 79000},
    ),
)
# Each month; of storage, what the plan's own disk holds when it is full all the time.
FIRST_INCLUDED: dict[str, dict[Meter, int]] = {
    "starter": {Meter.INFERENCE_TOKENS: 1_000_000, Meter.AUDIO_SECONDS: 3_600},
    "team": {Meter.INFERENCE_TOKENS: 5_000_000, Meter.AUDIO_SECONDS: 18_000},
    "studio": {Meter.INFERENCE_TOKENS: 20_000_000, Meter.AUDIO_SECONDS: 72_000},
}
MB_HOURS_OF_A_GB = 1000 * 24 * 31
FIRST_ADD_ONS: tuple[tuple[dict[str, Any], dict[str, int]], ...] = (
    (
        {
            "code": "memory-512",
            "name": "512 MB more memory",
            "description": "For each of your bots.",
            "memory_mb": 512,
            "position": 1,
        },
        {MONTH: 400, YEAR: 4000},
    ),
    (
        {
            "code": "disk-10",
            "name": "10 GB more storage",
            "description": "For each of your bots.",
            "disk_gb": 10,
            "position": 2,
        },
        {MONTH: 300, YEAR: 3000},
    ),
)


def first_add_ons_ensure() -> None:
    """Adds those of FIRST_ADD_ONS that are missing, with their prices."""
    for fields, prices in FIRST_ADD_ONS:
        add_on, created = AddOn.objects.get_or_create(code=fields["code"], defaults=fields)
        if created:
            Price.objects.bulk_create(
                Price(add_on=add_on, interval=interval, amount=amount)
                for interval, amount in prices.items()
            )


def first_plans_ensure() -> None:
    """Adds those of FIRST_PLANS that are missing, with their prices."""
    for fields, prices in FIRST_PLANS:
        plan, created = Plan.objects.get_or_create(code=fields["code"], defaults=fields)
        if created:
            Price.objects.bulk_create(
                Price(plan=plan, interval=interval, amount=amount)
                for interval, amount in prices.items()
            )
            _include(plan)


def _include(plan: Plan) -> None:
    included = {
        Meter.STORAGE_MB_HOURS: plan.disk_gb * MB_HOURS_OF_A_GB,
        **FIRST_INCLUDED[plan.code],
    }
    IncludedUsage.objects.bulk_create(
        IncludedUsage(plan=plan, meter=meter, quantity=quantity)
        for meter, quantity in included.items()
    )
