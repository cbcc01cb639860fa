"""Looking at providers: what is told, when it is told, and what the books say against the cloud."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from fleet import provider_news, provider_watch, server_services
from fleet.models import CatalogueOffer, ProviderChange, ProviderHealth, Server
from fleet.providers import registry
from fleet.providers.hetzner import provider
from tenants.gateways import hook
from tenants.models import User
from tests.providers.life import Life
from tests.providers.vendors import Vendor
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)


def health(name: str = "hetzner") -> ProviderHealth:
    return ProviderHealth.objects.get(name=name)


def ended(command: str, *arguments: str) -> tuple[int, str]:
    said = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command(command, *arguments, stdout=said)
    return int(end.value.code or 0), said.getvalue()


def test_a_well_provider_is_healthy_and_its_catalogue_is_read(hetzner: Vendor) -> None:
    look = provider_watch.look_at("hetzner")
    assert (look.state, look.findings) == ("healthy", [])
    seen = health()
    assert (seen.state, seen.latency_ms is not None) == ("healthy", True)
    assert seen.requests_left is not None
    offer = CatalogueOffer.objects.get(provider="hetzner", size="cx22", region="fsn1")
    assert (offer.memory_mb, offer.currency, offer.available) == (4096, "eur", True)
    assert not CatalogueOffer.objects.get(size="cx11", region="fsn1").available


def test_one_lost_answer_alarms_nobody_and_two_do(hetzner: Vendor) -> None:
    provider_watch.look_at("hetzner")
    hetzner.misbehave("status", status=500, times=None)
    provider_watch.look_at("hetzner")
    assert health().state == "healthy"
    provider_watch.look_at("hetzner")
    assert health().state == "down"
    assert "answered 500" in health().reason or "server error" in health().reason
    hetzner.control.clear()
    provider_watch.look_at("hetzner")
    assert health().state == "down"
    provider_watch.look_at("hetzner")
    assert health().state == "healthy"
    changes = ProviderChange.objects.order_by("at")
    assert [change.after for change in changes] == ["healthy", "down", "healthy"]


def test_staff_are_told_of_each_change_once(hetzner: Vendor, settings: Any) -> None:
    User.objects.create_superuser("staff@example.com", "x")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    for _ in range(2):
        provider_watch.look_at("hetzner")
        provider_news.tell_changes()
    assert mail.outbox == []
    hetzner.misbehave("status", status=500, times=None)
    for _ in range(4):
        provider_watch.look_at("hetzner")
        provider_news.tell_changes()
    assert [letter.subject for letter in mail.outbox] == ["[WOPR] The provider hetzner is down"]


def test_a_changed_price_is_kept_beside_the_earlier_one(hetzner: Vendor) -> None:
    provider_watch.read_catalogue("hetzner")
    before = CatalogueOffer.objects.get(size="cx22", region="fsn1").hourly
    hetzner.behave(price_percent=150)
    assert provider_watch.read_catalogue("hetzner") > 0
    offer = CatalogueOffer.objects.get(size="cx22", region="fsn1")
    assert (offer.hourly > before, offer.previous_hourly) == (True, before)
    assert provider_watch.read_catalogue("hetzner") == 0


def test_changed_prices_are_told_once_and_nobody_is_less_well_for_them(
    hetzner: Vendor, settings: Any
) -> None:
    User.objects.create_superuser("staff@example.com", "x")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    provider_watch.look_at("hetzner")
    hetzner.behave(price_percent=150)
    ProviderHealth.objects.update(catalogue_at=None)
    look = provider_watch.look_at("hetzner")
    assert look.state == "healthy"
    assert "prices have changed" in look.findings[0]
    for _ in range(2):
        provider_watch.look_at("hetzner")
        provider_news.tell_changes()
    [letter] = mail.outbox
    assert letter.subject == "[WOPR] The provider hetzner has changed prices"
    assert "eur an hour, not 0." in letter.body


def test_few_requests_left_are_a_warning(hetzner: Vendor) -> None:
    hetzner.behave(rate_limit=40)
    assert "requests are left" in provider_watch.look_at("hetzner").findings[0]


@pytest.mark.parametrize("name", ["hetzner", "digitalocean"])
def test_a_token_that_may_only_read_is_seen_before_an_order_needs_it(
    hetzner: Vendor, name: str
) -> None:
    hetzner.control.change_conduct(name, read_only=True)  # type: ignore[arg-type]
    look = provider_watch.look_at(name)
    assert (look.state, "only read" in look.findings[0]) == ("degraded", True)


def test_a_change_is_posted_once_and_signed(hetzner: Vendor, settings: Any) -> None:
    taken: list[tuple[str, bytes]] = []
    settings.WOPR_ALERT_WEBHOOK_SECRET = "the secret of the tests"
    with listening(taken, first=500) as settings.WOPR_ALERT_WEBHOOK_URL:
        provider_watch.look_at("hetzner")
        hetzner.misbehave("status", status=500, times=None)
        for _ in range(2):
            provider_watch.look_at("hetzner")
        for _ in range(3):
            provider_news.tell_changes()
    assert len(taken) == 2  # the first was answered with 500
    sign, body = taken[-1]
    at = sign.partition(",")[0].removeprefix("t=")
    assert sign == f"t={at},v1={hook.signature(body.decode(), int(at))}"
    said = json.loads(body)
    assert (said["event"], said["provider"], said["after"]) == (
        "provider_changed", "hetzner", "down",
    )  # fmt: skip


@contextmanager
def listening(taken: list[tuple[str, bytes]], *, first: int) -> Iterator[str]:
    """An operator's own endpoint, which answers the first time like that."""

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.headers["Wopr-Signature"], body))
            self.send_response(first if len(taken) == 1 else 204)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Desk) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/alerts"
        server.shutdown()


def test_a_machine_that_no_row_owns_is_an_orphan(hetzner: Vendor) -> None:
    provider().create(hetzner.order())
    code, said = ended("audit_cloud")
    assert code == 1
    assert "orphan" in said
    assert provider_watch.look_at("hetzner").state == "degraded"


@pytest.mark.parametrize("vendor", ["digitalocean"], indirect=True)
def test_a_second_machine_of_a_servers_name_is_an_orphan(life: Life) -> None:
    life.finish()
    twin = registry.provider("digitalocean").create(life.vendor.order(life.server.name))
    code, said = ended("audit_cloud")
    assert code == 1
    assert f"orphan: {life.server.name} ({twin.id})" in said
    assert life.server.provider_id not in said


def test_a_server_whose_machine_vanished_is_told(life: Life) -> None:
    life.finish()
    assert ended("audit_cloud")[0] == 0
    registry.provider(life.vendor.name).destroy(life.server.provider_id)
    assert life.vendor.machines() == []
    code, said = ended("audit_cloud")
    assert code == 1
    assert f"lost: {life.server}" in said


def test_a_machine_on_its_way_is_no_difference(life: Life) -> None:
    life.work()
    assert ended("audit_cloud")[0] == 0


def test_the_audit_does_not_take_silence_for_agreement(hetzner: Vendor) -> None:
    hetzner.misbehave("drop", times=None)
    code, said = ended("audit_cloud")
    assert code == 2
    assert "hetzner: could not be asked" in said


def test_the_command_tells_by_its_exit_code_and_in_json(hetzner: Vendor) -> None:
    code, said = ended("provider_health", "--provider", "hetzner", "--json")
    assert code == 0
    assert [look["provider"] for look in json.loads(said)] == ["hetzner"]
    hetzner.misbehave("status", status=401, times=None)
    assert ended("provider_health", "--provider", "hetzner")[0] == 2


def test_a_leak_is_told_with_what_it_costs(hetzner: Vendor, catalogue: None) -> None:
    made = provider().create(hetzner.order())
    server = server_services.server_request(
        provider="hetzner", region="fsn1", size="cx22", cause="test"
    )
    Server.objects.filter(pk=server.pk).update(
        status=Server.Status.LEAKED, provider_id=made.id, status_since=timezone.now()
    )
    found = provider_watch.differences("hetzner", [replace(made, name=server.name)])
    assert len(found) == 1
    assert found[0].startswith("leak: ")
    assert "eur a day" in found[0]


def test_nothing_is_ordered_from_a_provider_that_is_down(hetzner: Vendor, catalogue: None) -> None:
    ProviderHealth.objects.filter(name="hetzner").update(state=ProviderHealth.State.DOWN)
    with pytest.raises(Refused, match="hetzner is down"):
        server_services.server_request(provider="hetzner", region="fsn1", size="cx22", cause="test")
    assert hetzner.machines() == []


def test_a_provider_without_credentials_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="Set LINODE_API_TOKEN"):
        call_command("provider_health", "--provider", "linode")
