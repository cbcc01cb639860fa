"""Staff see on a GPU node's page how its services did, and what was done about them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gpu.models import GpuNode, Remedy, Service, ServiceSample
from tests.admin.pages import change_page, list_page, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def node() -> GpuNode:
    node = GpuNode.objects.create(name="gpu-1", stage=GpuNode.Stage.DONE)
    service = Service.objects.create(node=node, kind=Service.Kind.WHISPER, port=8082)
    begun = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    for minute, state in enumerate(["ready", "down", "ready", "down"]):
        ServiceSample.objects.create(
            service=service, taken_at=begun + timedelta(minutes=minute), state=state, latency_ms=40
        )
    return node


def test_a_nodes_page_draws_how_each_service_did(staff_client: Client, node: GpuNode) -> None:
    page = text_of(staff_client, change_page(node))
    assert 'aria-label="whisper ready: 50 of 100 %, at most 50 %"' in page
    assert 'aria-label="whisper answers in: 40 ms, at most 40 ms"' in page


def test_a_remedy_is_shown_with_its_outcome(staff_client: Client, node: GpuNode) -> None:
    remedy = Remedy.objects.create(
        node=node, action=Remedy.Action.REBOOT, reason="silence", outcome="it worked",
        ended_at=timezone.now(),
    )  # fmt: skip
    assert change_page(remedy) in text_of(staff_client, change_page(node))
    listed = text_of(staff_client, list_page(Remedy))
    assert "reboot the machine" in listed
    assert "it worked" in listed
