"""What happens between two looks at the world: Stripe delivers, workers work, time passes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.conf import settings

from dns import publishing
from dns.models import Record
from fleet.engines.registry import engine
from fleet.gateways import bot
from fleet.models import Instance, Node, Operation, Route
from fleet.operations import runner
from fleet.tasks import instances_reconcile, standings_reconcile
from sandbox.control import SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account, deliver, work

PATIENCE = 60.0


class Story:
    """A tenant's life. Nothing in it reaches past the doors that customers and vendors use."""

    def __init__(self, tenant: Tenant, stripe: SandboxControl, account: Account) -> None:
        self.tenant, self.stripe, self.account = tenant, stripe, account
        self._delivered: set[str] = set()

    def go_on(self) -> None:
        """Delivers what Stripe has to tell, and lets the workers and the schedule do their part."""
        for event in self.account.events():
            if event["id"] not in self._delivered:
                # Its age is Stripe's affair: the signature carries the time of the sending.
                assert deliver(event).status_code == 200
                self._delivered.add(event["id"])
        work()
        instances_reconcile()
        standings_reconcile()
        finish_operations()

    @contextmanager
    def later(self, wait: timedelta) -> Iterator[None]:
        """Stripe's clock moves on, and inside the block ours is with it."""
        self.stripe.advance_clock(wait)
        with time_machine.travel(datetime.fromtimestamp(self.stripe.now(), UTC), tick=True):
            self.go_on()
            yield

    @property
    def customer(self) -> Any:
        return self.account.all("customers")[0]

    @property
    def instance(self) -> Instance:
        return Instance.objects.select_related("node").get(tenant=self.tenant)

    def pay_open_invoices(self) -> None:
        for invoice in self.account.all("invoices", status="open"):
            self.account.post(f"invoices/{invoice['id']}/pay")

    def container_runs(self) -> bool:
        found = engine(self.instance.node).find_container(self.instance.container_name)
        return found is not None and found.running


def finish_operations() -> None:
    """Plays the workers until no operation is live. Fails when one does not end."""
    end = time.monotonic() + PATIENCE
    while live := list(Operation.objects.live()):
        for operation in live:
            Operation.objects.filter(pk=operation.pk).update(next_attempt_at=operation.created_at)
            runner.run(operation.pk)
        assert time.monotonic() < end, f"did not end: {[(o.kind, o.error) for o in live]}"


def sweep_away(node: Node) -> None:
    """Removes what a test left on the engine, at the edge and in the zone."""
    for instance in Instance.objects.filter(node=node):
        engine(node).remove_container(instance.container_name)
        engine(node).remove_volume(instance.volume_name)
    Route.objects.all().delete()
    for record in Record.objects.all():
        publishing.record_withdraw(record)


def is_open_to_the_public(instance: Instance) -> bool:
    return bot.is_served(instance.hostname)


def shows_suspended_page(instance: Instance) -> bool:
    return bot.is_told_suspended(instance.hostname)


def leftovers(instance: Instance) -> list[str]:
    """What the engine still has of the bot."""
    node = engine(instance.node)
    found = []
    if node.find_container(instance.container_name):
        found.append(instance.container_name)
    if node.find_volume(instance.volume_name) is not None:
        found.append(instance.volume_name)
    return found


def grace() -> timedelta:
    return timedelta(days=settings.WOPR_GRACE_DAYS)


def retention() -> timedelta:
    return timedelta(days=settings.WOPR_RETENTION_DAYS)
