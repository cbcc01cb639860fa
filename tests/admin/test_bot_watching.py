"""Staff see a bot at work on its page: what it uses, what happened, and its log on request."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fleet.gateways import lines as board
from fleet.models import Instance, Sample
from tests.admin.pages import change_page, press, text_of

pytestmark = pytest.mark.django_db


def test_a_bots_page_draws_what_it_used(staff_client: Client, instance: Instance) -> None:
    for minute in (1, 2, 3):
        Sample.objects.create(
            instance=instance,
            taken_at=timezone.now() - timedelta(minutes=minute),
            cpu_millis=250,
            memory=64 * 1024 * 1024,
            received=0,
            sent=0,
        )

    page = text_of(staff_client, change_page(instance))

    assert 'aria-label="CPU: 0.25 of 0.5 CPU, at most 0.25 CPU"' in page
    assert 'aria-label="Memory: 64 of 256 MB, at most 64 MB"' in page


def test_a_bots_page_lists_what_happened_with_its_codes(
    staff_client: Client, instance: Instance
) -> None:
    event = instance.events.create(kind="ended", happened_at=timezone.now(), exit_code=137)

    assert change_page(event) in text_of(staff_client, change_page(instance))
    assert "137" in text_of(staff_client, change_page(event))


def test_the_log_is_shown_on_request(staff_client: Client, instance: Instance) -> None:
    board.write(instance.pk, [board.Line(id="1-0", at="2026-11-22T00:00:00Z", text="<b>hi</b>")])
    board.say(instance.pk, "following")

    log = text_of(staff_client, reverse("admin:fleet_instance_log", args=[instance.pk]))

    assert "&lt;b&gt;hi&lt;/b&gt;" in log
    assert "00:00:00" in log


def test_staff_give_a_full_bot_an_hour(staff_client: Client, instance: Instance) -> None:
    Instance.objects.update(disk_state=Instance.Disk.FULL)

    press(staff_client, instance, "disk_grace")

    instance.refresh_from_db()
    assert instance.disk_grace_until
    assert instance.disk_grace_until > timezone.now() + timedelta(minutes=55)
