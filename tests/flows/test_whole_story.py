"""One customer from the first visit to the last byte, through the front door, as months go by."""

import io
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management import call_command
from rest_framework.test import APIClient

from billing.models import Entitlement, Plan
from billing.tasks import notices_queue
from fleet.engines.registry import engine
from fleet.models import Backup, BackupRepository, Instance, Node, Operation
from fleet.tasks import exports_expire
from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from tenants.models import Document, Tenant
from tenants.tasks import messages_sweep
from tests.billing.conftest import Account
from tests.conftest import PASSWORD
from tests.fleet.world import NOTHING_OUTSIDE, World
from tests.flows.story import (
    Story,
    finish_operations,
    is_open_to_the_public,
    shows_suspended_page,
    sweep_away,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
DAY = timedelta(days=1)
ADA = {"email": "ada@example.com", "password": PASSWORD}
AUTH = "/_allauth/browser/v1/auth"
GRACE, RETENTION, EXPORT, TRIAL = 7, 30, 30, 14


class Life(Story):
    """Ada's: she uses the site as it is, and reads her mail."""

    def __init__(self, stripe: SandboxControl, account: Account, world: World) -> None:
        self.world = world
        super().__init__(self._signed_up(), stripe, account)

    def _signed_up(self) -> Tenant:
        ada = APIClient()
        assert ada.post(f"{AUTH}/signup", ADA).status_code == 401
        code = self.world.vendors.code_for(ADA["email"])
        assert ada.post(f"{AUTH}/email/verify", {"key": code}).status_code == 200
        made = ada.post("/api/v1/tenants", {"slug": "ada", "name": "Ada & Co"})
        assert made.status_code == 201, made.content
        return Tenant.objects.get(pk=made.json()["id"])

    def site(self) -> APIClient:
        """She signs in each time: sessions do not last for months."""
        ada = APIClient()
        assert ada.post(f"{AUTH}/login", ADA).status_code == 200
        return ada

    def get(self, path: str) -> Any:
        answer = self.site().get(f"/api/v1/tenants/{self.tenant.pk}/{path}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.site().post(f"/api/v1/tenants/{self.tenant.pk}/{path}", body)
        assert answer.status_code < 300, answer.content
        return answer.json()

    def go_on(self) -> None:
        """The schedule, too; twice, since one thing leads to another."""
        for _ in range(2):
            super().go_on()
            notices_queue()
            messages_sweep()
            exports_expire()
            finish_operations()

    def letters(self) -> list[str]:
        """The kinds of the letters in her mailbox, oldest first; the Message-ID begins with it.

        Letters about her account are not among them: they are sent at once and have no row.
        """
        mails = self.world.vendors.messages(to=ADA["email"])
        mails = [mail for mail in mails if mail["message_id"].endswith("@wopr>")]
        assert {mail["deliveries"] for mail in mails} == {1}, "no letter came twice"
        return [mail["message_id"].strip("<").partition(".")[0] for mail in mails]

    def limits(self) -> tuple[bool, int, str]:
        """Whether the container runs, its memory, and which container it is."""
        instance = self.instance
        found = engine(instance.node).find_container(instance.container_name)
        assert found is not None
        assert found.limits is not None
        return found.running, found.limits.memory_mb, found.id


@pytest.fixture
def policy(settings: Any, tmp_path: Path) -> None:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)
    settings.WOPR_GRACE_DAYS, settings.WOPR_RETENTION_DAYS = GRACE, RETENTION
    settings.WOPR_REMINDER_DAYS, settings.WOPR_EXPORT_DAYS = [3, 1], EXPORT


@pytest.fixture
def life(
    world: World, node: Node, stripe: SandboxControl, account: Account, policy: None
) -> Iterator[Life]:
    yield Life(stripe, account, world)
    sweep_away(node)


def audit_is_clean() -> None:
    """Exits with an error on any difference."""
    call_command("billing_audit", stdout=io.StringIO())


def test_from_sign_up_to_the_last_byte(life: Life, starter: Plan, team: Plan) -> None:
    Plan.objects.filter(pk=starter.pk).update(trial_days=TRIAL)
    told = trial(life)
    told += first_payment(life)
    told += upgrade(life, starter, team)
    told += arrears(life)
    told += return_by_paying(life)
    told += leaving(life)
    told += the_end(life)
    assert life.letters() == told
    papers = list(Document.objects.order_by("created_at").values_list("kind", flat=True))
    assert papers.count("welcome") == papers.count("termination") == 1
    assert papers.count("invoice") == papers.count("receipt") == told.count("receipt")


def trial(life: Life) -> list[str]:
    """Buying starts a trial: the bot runs, and nothing is charged."""
    checkout = life.post("checkout", plan="starter")
    life.stripe.pay_checkout(checkout["url"])
    life.go_on()
    assert life.get("subscription")["status"] == "trialing"
    assert life.container_runs()
    assert is_open_to_the_public(life.instance)
    assert life.letters() == ["welcome"]
    with life.later((TRIAL - 2) * DAY):
        assert life.letters() == ["welcome", "trial_ending"]
        audit_is_clean()
    return ["welcome", "trial_ending"]


def first_payment(life: Life) -> list[str]:
    with life.later(3 * DAY):
        assert life.get("subscription")["status"] == "active"
        assert life.letters()[2:] == ["receipt"]
        assert {paper["kind"] for paper in life.get("documents")} >= {"invoice", "receipt"}
    return ["receipt"]


def upgrade(life: Life, starter: Plan, team: Plan) -> list[str]:
    """The cost is shown before; the same container gets the limits while it runs."""
    with life.later(DAY):
        runs, memory, container = life.limits()
        assert (runs, memory) == (True, starter.memory_mb)
        due = life.post("subscription/preview", plan="team")["due_now"]
        assert due > 0
        life.post("subscription/change", plan="team")
        life.go_on()
        assert life.limits() == (True, team.memory_mb, container)
        assert len(life.account.all("subscriptions", status="all")) == 1
        paid = [invoice["amount_paid"] for invoice in life.account.all("invoices")]
        assert due in paid, "what was charged is what was shown"
        audit_is_clean()
    return ["plan_changed", "receipt"]


def arrears(life: Life) -> list[str]:
    """A failed payment is told, reminded of, and in the end the bot is really stopped."""
    before = len(life.letters())
    life.stripe.set_card(life.customer["id"], FAILING_CARD)
    with life.later(next_renewal(life)):
        subscription = life.get("subscription")
        assert (subscription["status"], subscription["service"]) == ("past_due", "run")
        assert subscription["suspends_at"] is not None
        assert is_open_to_the_public(life.instance), "the days of grace are given"
        assert life.letters()[before:] == ["payment_failed"]
    with life.later((GRACE - 3) * DAY):
        assert life.letters()[before:] == ["payment_failed", "suspension_coming"]
    with life.later(2 * DAY):
        assert life.letters()[before:] == ["payment_failed", *["suspension_coming"] * 2]
    with life.later(DAY):
        assert is_really_suspended(life)
        refused = life.site().post(f"/api/v1/instances/{life.instance.pk}/retry")
        assert refused.status_code == 402, "nobody starts it by the API"
        audit_is_clean()
    return ["payment_failed", "suspension_coming", "suspension_coming", "suspended"]


def next_renewal(life: Life) -> timedelta:
    """Until an hour after Stripe begins the next period."""
    [subscription] = life.account.all("subscriptions")
    ends: int = subscription["items"]["data"][0]["current_period_end"]
    return timedelta(seconds=ends - life.stripe.now(), hours=1)


def is_really_suspended(life: Life) -> bool:
    assert life.instance.status == Instance.Status.SUSPENDED
    found = engine(life.instance.node).find_container(life.instance.container_name)
    assert found is not None, "what it stored is kept"
    assert not found.running
    assert not found.restarts
    assert shows_suspended_page(life.instance)
    assert not is_open_to_the_public(life.instance)
    return life.get("subscription")["service"] == "suspend"


def return_by_paying(life: Life) -> list[str]:
    life.stripe.set_card(life.customer["id"], GOOD_CARD)
    life.pay_open_invoices()
    with life.later(timedelta(hours=1)):
        assert life.instance.status == Instance.Status.RUNNING
        assert is_open_to_the_public(life.instance)
        subscription = life.get("subscription")
        assert (subscription["status"], subscription["service"]) == ("active", "run")
        audit_is_clean()
    return ["restored", "receipt"]


def leaving(life: Life) -> list[str]:
    """Cancelled for the end of the period: it runs until then, and is kept after it."""
    with life.later(DAY):
        assert life.post("subscription/cancel", when="period_end")["cancel_at_period_end"]
        life.go_on()
        assert is_open_to_the_public(life.instance)
    with life.later(next_renewal(life)):
        assert life.get("subscription")["status"] == "canceled"
        assert is_really_suspended(life)
    with life.later((RETENTION - 2) * DAY):
        assert is_really_suspended(life), "the data is kept during the retention"
    return ["suspended", "cancelled"]


def the_end(life: Life) -> list[str]:
    """A proven backup, everything seen gone, the data offered for a while, and then gone too."""
    with life.later(3 * DAY):
        assert life.instance.status == Instance.Status.TERMINATED
        counted = life.world.counted(life.instance)
        assert {name: counted[name] for name in NOTHING_OUTSIDE} == NOTHING_OUTSIDE
        assert not is_open_to_the_public(life.instance)
        assert "./daemon-token" in downloaded(life)
        audit_is_clean()
    with life.later((EXPORT + 1) * DAY):
        assert life.get("exports") == []
        assert not BackupRepository.objects.exists()
        assert not any(Path(settings.WOPR_BACKUP_REPOSITORY).iterdir())
        assert Backup.objects.get().forgotten_at is not None
        assert Operation.objects.exclude(state="succeeded").count() == 0
        assert Entitlement.objects.get().status == "canceled"
    return ["terminated"]


def downloaded(life: Life) -> list[str]:
    """The names in the backup, by the address that the letter gives."""
    [export] = life.get("exports")
    letter = life.world.vendors.messages(to=ADA["email"], subject="Your bot ada has been deleted")
    assert export["url"] in letter[0]["text"]
    answer = life.site().get(export["url"])
    assert answer.status_code == 200

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])  # type: ignore[attr-defined]

    with tarfile.open(fileobj=io.BytesIO(async_to_sync(read)())) as archive:
        return archive.getnames()
