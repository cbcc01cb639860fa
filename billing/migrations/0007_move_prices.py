"""Moves what plans cost into rows of their own, and gives entitlements the limits of their plan."""

from django.db import migrations
from django.db.models import OuterRef, Subquery

LIMITS = ("memory_mb", "cpu_millis", "pids", "disk_gb", "backups_kept")
COST = ("amount", "currency", "interval")


def prices_out(apps, schema_editor):
    Plan, Price = apps.get_model("billing", "Plan"), apps.get_model("billing", "Price")
    Price.objects.bulk_create(
        Price(
            plan=plan,
            interval=plan.interval,
            currency=plan.currency,
            amount=plan.amount,
            stripe_price_id=plan.stripe_price_id,
        )
        for plan in Plan.objects.all()
    )


def prices_back(apps, schema_editor):
    """A plan has room for one price: the monthly one goes before the yearly one."""
    Plan, Price = apps.get_model("billing", "Plan"), apps.get_model("billing", "Price")
    for price in Price.objects.filter(plan__isnull=False).order_by("-interval", "-currency"):
        Plan.objects.filter(pk=price.plan_id).update(
            amount=price.amount,
            currency=price.currency,
            interval=price.interval,
            stripe_price_id=price.stripe_price_id,
        )


def limits_out(apps, schema_editor):
    """Until Stripe is read again: what each plan gave, and costs."""
    Entitlement, Plan = apps.get_model("billing", "Entitlement"), apps.get_model("billing", "Plan")
    plan = Plan.objects.filter(pk=OuterRef("plan"))
    Entitlement.objects.filter(plan__isnull=False).update(
        **{name: Subquery(plan.values(name)[:1]) for name in (*LIMITS, *COST)}
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_prices_and_add_ons")]

    operations = [
        migrations.RunPython(prices_out, prices_back),
        migrations.RunPython(limits_out, migrations.RunPython.noop),
    ]
