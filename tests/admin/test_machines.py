"""Staff close, open, drain and give up machines, and settle their differences."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from fleet.models import Drift, Instance, Node, Operation
from tests.admin.pages import change_page, press, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(instance: Instance) -> Instance:
    instance.status = "running"
    instance.save()
    return instance


@pytest.fixture
def other(db: None) -> Node:
    return Node.objects.create(name="other", engine_url="unix:///x", address="x", memory_mb=8192)


def differing(bot: Instance, kind: str, **more: Any) -> Drift:
    now = timezone.now()
    values = {"instance": bot, "resource": bot.container_name, **more}
    return Drift.objects.create(
        node=bot.node, kind=kind, first_seen_at=now, last_seen_at=now, **values
    )


def test_a_machine_is_closed_with_a_reason_and_opened(staff_client: Client, node: Node) -> None:
    said = press(staff_client, node, "close", note="new disks").content.decode()
    assert "Nothing new is placed on local" in said
    assert "in maintenance" in text_of(staff_client, change_page(node))

    press(staff_client, node, "open_again")

    node.refresh_from_db()
    assert node.maintenance_because == ""


def test_draining_opens_a_move_for_each_bot(
    staff_client: Client, running: Instance, other: Node
) -> None:
    press(staff_client, running.node, "drain", note="new disks")

    move = Operation.objects.get()
    assert (move.kind, move.subject_id) == ("move", running.pk)
    assert move.cause.startswith("staff: ")
    running.refresh_from_db()
    assert running.moving_to == other


def test_a_machine_that_answers_is_not_evacuated_and_the_page_says_so(
    staff_client: Client, running: Instance
) -> None:
    said = press(staff_client, running.node, "evacuate").content.decode()

    assert "answers: drain it instead" in said
    assert not Operation.objects.exists()


def test_a_difference_is_repaired_by_a_button(staff_client: Client, running: Instance) -> None:
    drift = differing(running, "stopped")

    press(staff_client, drift, "repair_now")

    drift.refresh_from_db()
    assert drift.repair is not None
    assert (drift.repair.kind, drift.repair.subject_id) == ("repair", running.pk)


def test_a_difference_is_left_alone_for_some_days(staff_client: Client, running: Instance) -> None:
    drift = differing(running, "stopped")

    press(staff_client, drift, "ignore", days="3", note="its owner asked")

    drift.refresh_from_db()
    assert drift.ignored_until is not None
    assert (drift.ignored_until - timezone.now()).days in {2, 3}
    assert drift.ignored_because == "its owner asked"


@pytest.mark.parametrize("action", ["repair_now", "adopt", "remove"])
def test_nothing_is_done_about_what_is_not_ours(
    action: str, staff_client: Client, running: Instance
) -> None:
    drift = differing(running, "unknown_volume", instance=None, resource="somebodys")

    press(staff_client, drift, action)

    assert not Operation.objects.exists()


def test_the_overview_counts_silent_machines_and_differences(
    staff_client: Client, running: Instance
) -> None:
    Node.objects.update(unreachable_since=timezone.now())
    differing(running, "wrong_limits")

    page = text_of(staff_client, "/admin/")

    assert "local: what runs there is unknown" in page
    assert "1 of them about bots" in page


def test_credentials_are_read_from_files_and_shown_nowhere(
    staff_client: Client, tmp_path: Path
) -> None:
    for name in ("tls_ca", "tls_certificate", "tls_key"):
        (tmp_path / name).write_text(f"pem of {name}")

    call_command(
        "node_add",
        name="tls",
        engine="tcp://10.0.0.7:2376",
        memory_mb=4096,
        **{name: tmp_path / name for name in ("tls_ca", "tls_certificate", "tls_key")},
    )

    node = Node.objects.get(name="tls")
    assert (node.tls_ca, node.tls_key) == ("pem of tls_ca", "pem of tls_key")
    page = text_of(staff_client, change_page(node))
    assert "pem of tls_ca" in page
    assert "pem of tls_key" not in page
