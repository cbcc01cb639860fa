"""A bot that failed is tried again only for who may run it, and ends with its subscription."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Entitlement, Hold, Plan
from fleet.models import Instance, Operation
from fleet.standings import follow
from tests.fleet.lives import done, pay
from tests.fleet.world import NOTHING_OUTSIDE, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def failed(instance: Instance, plan: Plan) -> Instance:
    """A paid bot that could not be set up."""
    pay(instance.tenant, plan)
    Instance.objects.update(status="failed")
    instance.refresh_from_db()
    return instance


def retried(api: APIClient, bot: Instance) -> tuple[int, str]:
    answer = api.post(f"/api/v1/instances/{bot.pk}/retry")
    return answer.status_code, answer.json().get("code", "")


def test_one_that_is_not_paid_for_any_more_is_not_set_up_again(
    api: APIClient, failed: Instance
) -> None:
    Entitlement.objects.update(status="canceled", lapsed_at=timezone.now())

    assert retried(api, failed) == (402, "payment_required")
    assert not Operation.objects.exists()


def test_one_whose_tenant_is_held_is_not_set_up_again(api: APIClient, failed: Instance) -> None:
    Hold.objects.create(tenant=failed.tenant, reason="ban")

    assert retried(api, failed) == (409, "tenant_held")
    assert not Operation.objects.exists()


def test_one_beyond_what_the_plan_runs_is_not_set_up_again(
    api: APIClient, failed: Instance
) -> None:
    Entitlement.objects.update(bots=0)

    assert retried(api, failed) == (409, "no_free_bot")
    assert not Operation.objects.exists()


def test_one_ends_with_its_subscription_and_gives_back_its_name_and_its_place(
    failed: Instance, world: World
) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    Entitlement.objects.update(status="canceled", lapsed_at=long_ago, refreshed_at=timezone.now())

    [ending] = follow()
    done(ending)

    failed.refresh_from_db()
    assert (ending.kind, failed.status) == ("terminate", "terminated")
    assert world.counted(failed).items() >= NOTHING_OUTSIDE.items()
