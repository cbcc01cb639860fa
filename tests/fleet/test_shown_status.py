"""A bot is called running only as far as that is known."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from fleet.models import Drift, Instance, Node
from tenants.models import Tenant
from tests.admin.pages import change_page, list_page, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(instance: Instance) -> Instance:
    instance.status = "running"
    instance.save()
    return instance


def differs(bot: Instance, kind: str, **more: Any) -> Drift:
    now = timezone.now()
    return Drift.objects.create(
        node=bot.node,
        instance=bot,
        kind=kind,
        resource=bot.container_name,
        first_seen_at=now,
        last_seen_at=now,
        **more,
    )


def shown(api: APIClient, bot: Instance) -> set[str]:
    """What the bot's own page and the list of its tenant say."""
    alone = api.get(f"/api/v1/instances/{bot.pk}").json()["status"]
    listed = api.get(f"/api/v1/tenants/{bot.tenant_id}/instances").json()
    return {alone, *(each["status"] for each in listed)}


def test_a_bot_that_is_seen_to_run_is_called_running(api: APIClient, running: Instance) -> None:
    assert shown(api, running) == {"running"}


def test_on_a_machine_that_does_not_answer_nobody_knows(
    api: APIClient, running: Instance, staff_client: Client
) -> None:
    Node.objects.update(unreachable_since=timezone.now())

    assert shown(api, running) == {"unknown"}
    assert 'data-state="unknown"' in text_of(staff_client, change_page(running))
    assert 'data-state="running"' not in text_of(staff_client, list_page(Instance))


@pytest.mark.parametrize("kind", ["missing", "stopped", "volume_missing"])
def test_a_bot_without_a_running_container_is_not_called_running(
    kind: str, api: APIClient, running: Instance, staff_client: Client
) -> None:
    differs(running, kind)

    assert shown(api, running) == {"unknown"}
    assert 'data-state="running"' not in text_of(staff_client, list_page(Instance))


def test_what_was_mended_is_called_running_again(api: APIClient, running: Instance) -> None:
    differs(running, "stopped", resolved_at=timezone.now())
    differs(running, "wrong_limits")

    assert shown(api, running) == {"running"}


def test_a_bot_that_rests_is_called_what_it_was_last_seen_to_be(
    api: APIClient, running: Instance, tenant: Tenant
) -> None:
    Node.objects.update(unreachable_since=timezone.now())
    Instance.objects.update(status="suspended")

    assert shown(api, running) == {"suspended"}
