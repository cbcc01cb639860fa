"""A list costs the same number of queries for two rows as for many."""

from copy import copy
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from djstripe.models import Customer, Event, Subscription, WebhookEventTrigger

from billing.models import Checkout, Entitlement
from dns.models import Record
from fleet.models import Instance, Leak, Operation, Route
from tenants import services
from tenants.models import Document, Message, Tenant, User
from tests.admin.conftest import Business
from tests.admin.pages import list_page, text_of


def queries_of(client: Client, model: type[Any]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        text_of(client, list_page(model))
    return len(queries)


def another_business(first: Business, number: int) -> None:
    """The same things again for another tenant: each a row of its own, of an owner of its own."""
    owner = User.objects.create_user(f"owner{number}@example.com")
    tenant = services.tenant_create(owner=owner, slug=f"tenant-{number}", name="Another")
    bot = again(first.instance, tenant=tenant, slug=tenant.slug, host_port=number + 1)
    operation = again(first.operation, tenant=tenant, subject_id=bot.pk)
    again(first.leak, operation=operation)
    again(first.route, instance=bot, hostname=bot.hostname)
    again(first.record, owner=bot.reference)
    again(first.document, tenant=tenant, cause=bot.reference)
    again(first.message, tenant=tenant, cause=bot.reference)
    again(first.checkout, tenant=tenant)
    again(first.entitlement, tenant=tenant)
    customer = again(first.customer, id=f"cus_{number}", subscriber=tenant)
    again(first.subscription, id=f"sub_{number}", customer=customer)
    event = again(first.event, id=f"evt_{number}")
    again(first.trigger, event=event)


def again(row: Any, **changes: Any) -> Any:
    """A copy of the row under a new key."""
    twin = copy(row)
    twin._state = copy(row._state)
    twin._state.adding, twin._state.fields_cache = True, {}
    key = type(row)._meta.pk
    twin.pk = uuid4() if key.get_internal_type() == "UUIDField" else None
    for name, value in changes.items():
        setattr(twin, name, value)
    twin.save(force_insert=True)
    return twin


@pytest.mark.parametrize(
    "model",
    [
        Tenant, User, Message, Document, Entitlement, Checkout, Customer, Subscription,
        WebhookEventTrigger, Event, Instance, Operation, Leak, Route, Record,
    ],
    ids=lambda model: model.__name__,
)  # fmt: skip
def test_more_rows_cost_no_more_queries(
    staff_client: Client, business: Business, model: type[Any]
) -> None:
    another_business(business, 1)
    two = queries_of(staff_client, model)
    for number in range(2, 7):
        another_business(business, number)
    assert queries_of(staff_client, model) == two
