"""One id from the request to the operation and to the message that wakes a worker."""

import json
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from redis import Redis
from rest_framework.test import APIClient

from billing.models import Plan
from fleet.models import Instance, Operation
from tests.fleet.lives import pay
from wopr.common.correlation import HEADER, correlation, current_id
from wopr.common.queue import wake
from wopr.tasks import canary

OFFERED = "front-door-0123456789"


@pytest.mark.django_db
def test_an_answer_carries_the_id_that_the_request_offered() -> None:
    assert Client().get("/api/live", headers={HEADER: OFFERED})[HEADER] == OFFERED


@pytest.mark.parametrize(
    "offered",
    ["", "short", "x" * 65, "with space 123", "line\nbreak123", '"quoted"123', "ünïcode1"],
)
def test_an_id_that_could_forge_log_lines_is_replaced(offered: str) -> None:
    given = Client().get("/api/live", headers={HEADER: offered})[HEADER]
    assert given != offered
    assert len(given) == 32


def test_two_requests_have_two_ids_and_none_stays_behind() -> None:
    first, second = (Client().get("/api/live")[HEADER] for _ in range(2))
    assert first != second
    assert current_id() == ""


@pytest.mark.django_db
def test_an_error_refers_to_the_id() -> None:
    answer = Client().get("/api/v1/me", headers={HEADER: OFFERED})
    assert answer.json()["reference"] == OFFERED == answer[HEADER]


@pytest.mark.django_db
def test_the_operation_that_a_request_opens_has_its_id(
    api: APIClient, instance: Instance, plan: Plan
) -> None:
    pay(instance.tenant, plan)
    Instance.objects.update(status=Instance.Status.FAILED)
    answer = api.post(f"/api/v1/instances/{instance.pk}/retry", headers={HEADER: OFFERED})
    assert answer.status_code == 202
    assert Operation.objects.get().correlation_id == OFFERED
    assert answer.json()["correlation_id"] == OFFERED


@pytest.mark.django_db(transaction=True)
def test_the_message_that_wakes_a_worker_carries_the_id() -> None:
    redis: Any = Redis.from_url(django_settings.REDIS_URL)
    queue = f"{django_settings.WOPR_DEPLOYMENT}:celery"
    redis.delete(queue)
    with correlation(OFFERED):
        wake(canary)
    [message] = redis.lrange(queue, 0, -1)
    assert json.loads(message)["headers"]["correlation_id_wopr"] == OFFERED


def test_the_worker_works_under_the_id_of_its_message() -> None:
    from celery import signals

    class Sent:
        request = type("Request", (), {"correlation_id_wopr": OFFERED})()

    with correlation("before-the-task"):
        signals.task_prerun.send(sender=canary, task=Sent())
        assert current_id() == OFFERED
