"""A business in rows: one of everything that staff look at."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from djstripe.models import Customer, Event, Subscription, WebhookEventTrigger

from billing.models import Checkout, Entitlement, Plan
from dns.models import Record
from fleet.models import Instance, Leak, Operation, Release, Route
from fleet.operations import ledger
from fleet.operations.provision import PROVISION
from tenants.models import Document, Message, Tenant
from wopr.common.correlation import correlation
from wopr.common.models import Heartbeat

EVENT = "evt_admin_1"
SUBSCRIPTION = "sub_admin_1"


@dataclass(frozen=True)
class Business:
    """What the admin shows, by name."""

    tenant: Tenant
    plan: Plan
    checkout: Checkout
    entitlement: Entitlement
    instance: Instance
    operation: Operation
    leak: Leak
    route: Route
    record: Record
    document: Document
    message: Message
    event: Any
    customer: Any
    subscription: Any
    trigger: Any

    def rows(self) -> list[Any]:
        return list(vars(self).values())


@pytest.fixture
def business(tenant: Tenant, plan: Plan, instance: Instance) -> Business:
    Heartbeat.objects.create(name="canary", seen_at=timezone.now())
    instance.release = Release.objects.create(image=instance.image, digest="bot@sha256:" + "a" * 64)
    instance.save()
    stripe = stripe_rows(tenant)
    operation = failed_operation(instance)
    document, message = letter(instance)
    return Business(
        tenant=tenant,
        plan=plan,
        checkout=Checkout.objects.create(tenant=tenant, plan=plan, correlation_id="request-1"),
        entitlement=Entitlement.objects.create(
            tenant=tenant,
            plan=plan,
            status="active",
            bots=1,
            stripe_subscription_id=SUBSCRIPTION,
            correlation_id=EVENT,
        ),
        instance=instance,
        operation=operation,
        leak=Leak.objects.create(
            operation=operation,
            step="create_volume",
            resource="volume wopr-data-1",
            reason="the engine did not answer",
            cost_per_day="0.2500",
        ),
        route=Route.objects.create(
            hostname=instance.hostname, instance=instance, upstream=instance.upstream
        ),
        record=Record.objects.create(
            zone="bots.localhost",
            name=instance.hostname,
            type="A",
            content="203.0.113.10",
            owner=instance.reference,
        ),
        document=document,
        message=message,
        **stripe,
    )


def failed_operation(instance: Instance) -> Operation:
    """An operation whose third step failed for good."""
    with correlation(EVENT):
        operation = ledger.operation_open(
            kind=PROVISION.name, subject=instance, tenant=instance.tenant, cause="a test"
        )
    now = timezone.now()
    operation.steps.filter(position__lt=3).update(
        state="done", started_at=now - timedelta(seconds=9), finished_at=now, facts={"seen": "yes"}
    )
    operation.steps.filter(position=3).update(
        state="failed", started_at=now, finished_at=now, message="the engine is full"
    )
    operation.state, operation.error = "failed", "create_container: the engine is full"
    operation.started_at = operation.finished_at = now
    operation.save()
    return operation


def letter(instance: Instance) -> tuple[Document, Message]:
    document = Document.objects.create(
        tenant=instance.tenant,
        kind="welcome",
        cause=instance.reference,
        title="Welcome",
        filename="welcome.pdf",
        content=b"%PDF-1.7 as it was made",
        size=23,
        sha256="b" * 64,
    )
    message = Message.objects.create(
        tenant=instance.tenant,
        kind="welcome",
        cause=instance.reference,
        recipient="alice@example.com",
        subject="Your bot is running",
        text="It answers.",
        html="<p>It answers.</p><script>alert(1)</script>",
        correlation_id=EVENT,
        error="the mail server was away",
    )
    message.attachments.add(document)
    return document, message


def stripe_rows(tenant: Tenant) -> dict[str, Any]:
    """What dj-stripe would have stored of a paid subscription."""
    customer = Customer.objects.create(
        id="cus_admin_1", subscriber=tenant, email="alice@example.com", stripe_data={}
    )
    event = Event.objects.create(
        id=EVENT, type="invoice.paid", data={"object": {"id": "in_1"}}, stripe_data={}
    )
    return {
        "customer": customer,
        "event": event,
        "subscription": Subscription.objects.create(
            id=SUBSCRIPTION, customer=customer, stripe_data={"status": "active"}
        ),
        "trigger": WebhookEventTrigger.objects.create(
            remote_ip="127.0.0.1",
            headers={},
            body='{"id": "evt_admin_1", "type": "invoice.paid"}',
            valid=True,
            event=event,
            exception="ProviderError: Stripe did not answer",
            traceback="Traceback: line 1",
        ),
    }
