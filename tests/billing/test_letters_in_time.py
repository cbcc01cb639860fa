"""What a letter says is still true when it goes out."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from billing import holds
from billing.models import Entitlement
from tenants.models import Message, Tenant
from tests.billing.test_notices import kinds, lapse, subscribed

__all__ = ["subscribed"]
pytestmark = pytest.mark.django_db(transaction=True)
Status = Entitlement.Status


def test_with_a_month_of_grace_the_reminders_still_come(
    subscribed: Entitlement, settings: Any
) -> None:
    settings.WOPR_GRACE_DAYS = 30
    lapse(subscribed, Status.PAST_DUE, since=timedelta(days=28))
    assert kinds() == ["payment_failed", "suspension_coming"]


def test_nobody_is_reminded_of_a_day_that_has_passed(
    subscribed: Entitlement, tenant: Tenant
) -> None:
    lapse(subscribed, Status.PAST_DUE, since=timedelta(days=12))
    holds.reprieve_grant(tenant=tenant, until=None, note="The bank is slow.", by="staff")
    assert kinds() == []


def test_a_trial_that_was_cancelled_is_not_told_that_it_will_be_charged(
    subscribed: Entitlement,
) -> None:
    subscribed.status = Status.TRIALING
    subscribed.current_period_end = timezone.now() + timedelta(days=2)
    subscribed.cancel_at_period_end = True
    subscribed.save()
    assert kinds() == []
    Entitlement.objects.update(cancel_at_period_end=False)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert kinds() == ["trial_ending"]
    assert "charge the card" in Message.objects.get().text
