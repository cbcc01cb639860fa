from typing import Any

from django.db import migrations, models
from django.db.models import F

KINDS = [
    ("paid_not_entitled", "paid at Stripe, nothing to run here"),
    ("entitled_not_paid", "runs here, not paid at Stripe"),
    ("other_terms", "another plan, number of bots or state than at Stripe"),
    ("two_subscriptions", "pays more than one subscription"),
    ("paid_after_end", "paid when the subscription had ended; renews no more"),
    ("unknown_customer", "a subscription of nobody we know"),
]


def ended_when_lapsed(apps: Any, _: Any) -> None:
    """Until now one column told both."""
    entitlements = apps.get_model("billing", "Entitlement").objects
    entitlements.filter(status="canceled").update(ended_at=F("lapsed_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0009_orders"),
    ]

    operations = [
        migrations.AddField(
            model_name="entitlement",
            name="ended_at",
            field=models.DateTimeField(blank=True, help_text="When Stripe ended it.", null=True),
        ),
        migrations.AlterField(
            model_name="entitlement",
            name="lapsed_at",
            field=models.DateTimeField(
                blank=True, help_text="Since when it is not paid.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=32),
        ),
        migrations.RunPython(ended_when_lapsed, migrations.RunPython.noop),
    ]
