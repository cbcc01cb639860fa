"""Who may see the admin, and what nobody may change by hand."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory
from django.urls import reverse

from billing.models import Checkout, Entitlement
from dns.models import Record
from fleet.models import Instance, Leak, Operation, Release, Route
from tenants.models import Document, Message, User
from tests.admin.conftest import Business
from tests.admin.pages import change_page, list_page, registered
from tests.conftest import let_in
from wopr.common.models import Heartbeat

MACHINE_OWNED = [
    Checkout, Document, Entitlement, Heartbeat, Instance, Leak, Message, Operation, Record,
    Release, Route,
]  # fmt: skip


@pytest.mark.parametrize("model", MACHINE_OWNED, ids=lambda model: model.__name__)
def test_what_the_machine_writes_is_read_only_even_for_a_superuser(
    model: Any, staff_client: Client
) -> None:
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(email="staff@example.com")
    page = site._registry[model]
    assert page.has_view_permission(request)
    assert not page.has_add_permission(request)
    assert not page.has_change_permission(request)
    assert not page.has_delete_permission(request)


def test_every_object_of_stripes_is_read_only(staff_client: Client) -> None:
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(email="staff@example.com")
    pages = [site._registry[model] for model in registered() if model._meta.app_label == "djstripe"]
    assert pages
    for page in pages:
        assert not page.has_add_permission(request)
        assert not page.has_change_permission(request)
        assert not page.has_delete_permission(request)
        assert page.get_actions(request) == {}


def test_a_state_cannot_be_posted(staff_client: Client, business: Business) -> None:
    answer = staff_client.post(
        change_page(business.instance), {"status": "running", "slug": "other"}, secure=True
    )
    assert answer.status_code == 403
    business.instance.refresh_from_db()
    assert (business.instance.status, business.instance.slug) == ("starting", "alice-co")


def test_a_tenants_address_is_fixed_and_its_name_is_not(
    staff_client: Client, business: Business
) -> None:
    path = change_page(business.tenant)
    forms = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    staff_client.post(path, {"name": "Alice & Sons", "slug": "other", **forms}, secure=True)
    business.tenant.refresh_from_db()
    assert (business.tenant.name, business.tenant.slug) == ("Alice & Sons", "alice-co")


def test_what_names_a_plan_at_stripe_is_fixed(staff_client: Client, business: Business) -> None:
    fields = {
        name: getattr(business.plan, name)
        for name in ("position", "trial_days", "memory_mb", "cpu_millis", "pids", "disk_gb", "bots",
                     "backups_kept", "placement")
    }  # fmt: skip
    inlines = {
        f"{inline}-{name}": "0"
        for inline in ("prices", "included_usage")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    changes = {"name": "Little", "code": "other", "stripe_product_id": "prod_other", **inlines}
    staff_client.post(change_page(business.plan), {**fields, **changes}, secure=True)
    business.plan.refresh_from_db()
    assert business.plan.name == "Little"
    assert (business.plan.code, business.plan.stripe_product_id) == ("small", "wopr-small")


def test_a_customer_is_not_let_in(alice: User, db: None) -> None:
    client = Client()
    let_in(client, alice)
    for path in (
        reverse("admin:index"),
        list_page(Instance),
        reverse("admin-trail", args=["x" * 8]),
    ):
        answer = client.get(path, secure=True)
        assert answer.status_code == 302
        assert "/admin/login/" in answer["Location"]


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("instance", "set_up_again"),
        ("operation", "run_now"),
        ("leak", "seen_gone"),
        ("message", "send_again"),
        ("trigger", "process_again"),
        ("plan", "offer"),
    ],
)
def test_staff_who_may_only_look_cannot_act(business: Business, name: str, action: str) -> None:
    row = getattr(business, name)
    meta = row._meta
    looker = User.objects.create_user("looker@example.com", "a long enough word", is_staff=True)
    looker.user_permissions.add(
        Permission.objects.get(
            content_type__app_label=meta.app_label, codename=f"view_{meta.model_name}"
        )
    )
    client = Client()
    let_in(client, looker)
    assert client.get(change_page(row), secure=True).status_code == 200
    path = reverse(f"admin:{meta.app_label}_{meta.model_name}_{action}", args=[row.pk])
    assert client.post(path, {"_form_submitted": "on"}, secure=True).status_code == 403


def test_looking_at_an_actions_dialog_does_nothing(
    staff_client: Client, business: Business
) -> None:
    path = reverse("admin:fleet_leak_seen_gone", args=[business.leak.pk])
    answer = staff_client.get(path, secure=True)
    assert "Have you seen that it is gone?" in answer.content.decode()
    business.leak.refresh_from_db()
    assert business.leak.resolved_at is None


def test_an_action_needs_a_csrf_token(business: Business, staff_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    let_in(strict, User.objects.get(email="staff@example.com"))
    path = reverse("admin:fleet_leak_seen_gone", args=[business.leak.pk])
    assert strict.post(path, {"_form_submitted": "on"}, secure=True).status_code == 403
