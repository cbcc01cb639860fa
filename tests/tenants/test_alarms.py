"""Staff is told what must not wait; a mail server that is away delays that and loses nothing."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from tenants import alarms
from tenants.models import User
from tenants.tasks import alarms_send
from tests.conftest import free_port
from wopr.common import breaker
from wopr.common.models import Alarm

pytestmark = pytest.mark.django_db
AWAY = "django.core.mail.backends.smtp.EmailBackend"
THERE = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture(autouse=True)
def staff(settings: Any) -> None:
    User.objects.create_superuser("staff@example.com", "x")
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


def minutes_pass() -> None:
    Alarm.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def subjects() -> list[str]:
    return [letter.subject for letter in mail.outbox]


def test_an_alarm_waits_for_the_mail_server_and_is_sent_once(settings: Any) -> None:
    settings.EMAIL_BACKEND = AWAY
    alarms.staff_told(subject="The machine far does not answer", text="3 bots are on it.")
    kept = Alarm.objects.get()
    assert (kept.sent_at, bool(kept.error)) == (None, True)

    settings.EMAIL_BACKEND = THERE
    alarms_send()
    assert subjects() == [], "it is not tried at once again"
    minutes_pass()
    alarms_send()
    minutes_pass()
    alarms_send()

    assert subjects() == ["[WOPR] The machine far does not answer"]
    kept.refresh_from_db()
    assert (kept.sent_at is not None, kept.error) == (True, "")


def test_an_alarm_that_is_taken_at_once_is_not_sent_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = THERE
    alarms.staff_told(subject="Backups are overdue", text="alice-co")

    minutes_pass()
    alarms_send()

    assert subjects() == ["[WOPR] Backups are overdue"]


def test_an_action_that_was_stopped_is_told_once_until_a_person_has_decided(settings: Any) -> None:
    settings.EMAIL_BACKEND = THERE
    breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
    alarms_send()
    breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
    alarms_send()
    (letter,) = mail.outbox
    assert letter.subject == "[WOPR] Too many tenants at once: “suspend” was stopped"
    assert "80 of 100 tenants" in letter.body
    breaker.approve(action="suspend", by="staff@example.com")
    alarms_send()
    assert len(mail.outbox) == 1
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
        alarms_send()
    assert len(mail.outbox) == 2, "it was stopped anew"
