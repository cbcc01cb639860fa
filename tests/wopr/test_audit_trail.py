"""The audit trail: every change of what matters, by whatever way it is made, and by whom."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from billing.models import Plan
from fleet.models import Instance, Node, Operation
from fleet.operations import ledger, runner
from tenants.models import Tenant, User
from tests.admin.pages import change_page
from tests.architecture.source import ROOT
from wopr.audited import MACHINES_OWN, NOISE, OURS, PUBLIC
from wopr.common.audit.context import acting, because
from wopr.common.audit.models import AuditEntry, entries_about
from wopr.common.audit.verifying import verify
from wopr.common.audit.watching import secret_columns, watched

pytestmark = pytest.mark.django_db


def last_about(row: Any) -> AuditEntry:
    entry = entries_about(row).first()
    assert entry is not None
    return entry


def test_a_change_is_noted_with_what_was_before_and_what_is_after(tenant: Tenant) -> None:
    tenant.name = "Alice & Daughters"
    tenant.save()

    entry = last_about(tenant)
    assert (entry.action, entry.model) == ("update", "tenants.Tenant")
    assert (entry.before, entry.after) == ({"name": "Alice & Co"}, {"name": "Alice & Daughters"})


def test_bulk_updates_and_raw_sql_are_noted_row_by_row(plan: Plan, alice: User) -> None:
    Plan.objects.update(on_sale=False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_user SET is_staff = true")

    assert last_about(plan).after == {"on_sale": False}
    assert last_about(alice).after == {"is_staff": True}


def test_a_row_is_noted_whole_when_it_comes_and_when_it_goes(plan: Plan) -> None:
    key = plan.pk
    born = last_about(plan)
    plan.prices.all().delete()
    plan.delete()

    gone = AuditEntry.objects.filter(model="billing.Plan", object_id=str(key)).first()
    assert gone is not None
    assert (born.action, gone.action) == ("insert", "delete")
    assert gone.before == born.after
    assert born.after is not None
    assert born.after["code"] == "small"


def test_rights_given_by_groups_are_noted(alice: User) -> None:
    staff = Group.objects.create(name="staff")
    staff.permissions.add(Permission.objects.all()[0])
    alice.groups.add(staff)

    models = AuditEntry.objects.values_list("model", flat=True)
    assert {"auth.Group", "auth.Group_permissions", "tenants.User_groups"} <= set(models)


def test_an_emptied_table_is_noted(plan: Plan) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE billing_usagecap")

    assert AuditEntry.objects.filter(model="billing.UsageCap", action="truncate").exists()


def test_what_changes_as_time_goes_by_is_not_worth_an_entry(instance: Instance) -> None:
    before = AuditEntry.objects.count()
    Instance.objects.update(healthy_at=timezone.now(), disk_used=5)
    instance.refresh_from_db()
    instance.save()

    assert AuditEntry.objects.count() == before


def test_no_secret_is_in_the_trail(instance: Instance, alice: User) -> None:
    alice.set_password("another horse battery staple")
    alice.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT platform_token, daemon_token FROM fleet_instance")
        sealed = cursor.fetchone()
        cursor.execute("SELECT coalesce(string_agg(e::text, ''), '') FROM audit_auditentry e")
        (everything,) = cursor.fetchone()

    assert last_about(alice).after == {"password": "(secret)"}
    for secret in (*sealed, alice.password, instance.platform_token, instance.credential_key):
        assert secret not in everything


def test_whoever_is_signed_in_is_named_with_address_and_page(
    staff_client: Client, tenant: Tenant
) -> None:
    staff_client.post(
        change_page(tenant),
        {"name": "Renamed", "memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0},
        secure=True,
        REMOTE_ADDR="203.0.113.9",
        headers={"x-forwarded-for": "198.51.100.1", "x-correlation-id": "request-of-a-test"},
    )

    entry = last_about(tenant)
    assert entry.after == {"name": "Renamed"}
    assert entry.actor.startswith("staff@example.com (tenants.User ")
    assert (entry.address, entry.correlation_id) == ("203.0.113.9", "request-of-a-test")
    assert entry.via == f"POST {change_page(tenant)}"


@pytest.mark.django_db(transaction=True)
def test_a_reason_is_kept_with_what_is_done_for_it(tenant: Tenant) -> None:
    with acting(actor="somebody", via="a test"):
        because("the customer asked")
        Tenant.objects.update(name="Other")
    Tenant.objects.update(name="Another")

    [by_nobody, by_somebody] = entries_about(tenant)[:2]
    assert (by_somebody.actor, by_somebody.reason) == ("somebody", "the customer asked")
    assert by_nobody.reason == ""


@pytest.mark.django_db(transaction=True)
def test_an_operation_says_on_whose_behalf_the_worker_changes_something(
    instance: Instance, settings: Any
) -> None:
    operation = ledger.operation_open(
        kind="resize", subject=instance, tenant=instance.tenant, cause="staff@example.com: resize"
    )
    with acting(actor="worker", via="task fleet.operation_run"):
        because("nothing yet")
        settings.WOPR_OPERATION_LEASE_SECONDS = 1
        Node.objects.update(engine_url="tcp://127.0.0.1:1")
        runner.run(operation.pk)
        Instance.objects.update(memory_mb=512)

    entry = last_about(instance)
    assert entry.reason == "staff@example.com: resize"
    assert entry.correlation_id == ""


def test_a_command_is_named_by_itself_and_the_person_at_the_keyboard(db: None) -> None:
    look = (
        "import sys, manage; from unittest import mock;"
        "sys.argv = ['manage.py', 'check'];"
        "mock.patch('manage.execute_from_command_line').start(); manage.main();"
        "import os; print(os.environ['PGAPPNAME'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True,
        env={name: value for name, value in os.environ.items() if name != "PGAPPNAME"},
    ).stdout  # fmt: skip
    assert told.startswith("manage.py check by ")


def test_a_secret_that_is_saved_unchanged_is_no_change(instance: Instance) -> None:
    instance.save()
    Instance.objects.get().save()
    assert [entry.action for entry in entries_about(instance)] == ["insert"]

    instance.daemon_token = "f" * 64
    instance.save()
    assert last_about(instance).after == {"daemon_token": "(secret)"}


@pytest.fixture
def stranger(plan: Plan) -> Iterator[psycopg.Connection[Any]]:
    """A connection with a name and no context, as psql makes one."""
    at = {name: connection.settings_dict[name] for name in ("HOST", "PORT", "USER", "PASSWORD")}
    with psycopg.connect(
        host=at["HOST"], port=at["PORT"], user=at["USER"], password=at["PASSWORD"],
        dbname=connection.settings_dict["NAME"], application_name="psql of a test",
    ) as made:  # fmt: skip
        yield made


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_by_another_way_is_named_as_the_database_knows_them(
    plan: Plan, stranger: psycopg.Connection[Any]
) -> None:
    stranger.execute("UPDATE billing_plan SET name = 'Free for me'")
    stranger.commit()

    entry = last_about(plan)
    assert entry.actor == "psql of a test"
    assert entry.database_user == connection.settings_dict["USER"]
    assert verify().faults == []


def test_every_model_is_watched_or_left_out_on_purpose() -> None:
    """A name in a list that no model has any more is a mistake too."""
    models = {
        model._meta.label: {field.column for field in model._meta.local_concrete_fields}
        for label in OURS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    }
    assert models.keys() >= MACHINES_OWN
    assert {table.label for table in watched()} >= models.keys() - MACHINES_OWN
    assert [f"{m}.{c}" for m, columns in NOISE.items() for c in columns if c not in models[m]] == []
    public = [name.rpartition(".") for name in PUBLIC]
    assert [column for model, _, column in public if column not in models[model]] == []


def test_every_encrypted_column_is_secret() -> None:
    columns = {column for table in watched() for column in table.secret}
    secret = {"platform_token", "daemon_token", "credential_key", "value", "password"}
    assert secret <= columns
    assert "tls_key" in secret_columns(Node)


def test_the_trail_shows_on_the_page_of_what_was_changed(
    staff_client: Client, tenant: Tenant
) -> None:
    Tenant.objects.update(name="Other")
    page = staff_client.get(change_page(tenant), secure=True).content.decode()
    assert f'href="{change_page(last_about(tenant))}"' in page
    shown = staff_client.get(change_page(last_about(tenant)), secure=True).content.decode()
    assert "Alice &amp;amp; Co" in shown or "Alice &amp; Co" in shown


def test_an_export_holds_no_formula(staff_client: Client, tenant: Tenant) -> None:
    with acting(actor="=HYPERLINK(evil)", via="a test"):
        Tenant.objects.update(name="Other")
    answer = staff_client.post(
        "/admin/audit/auditentry/",
        {"action": "export", "_selected_action": [last_about(tenant).pk]},
        secure=True,
    )
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert answer["Content-Type"].startswith("text/csv")
    assert ",'=HYPERLINK(evil)," in text
    assert "'name': 'Other'" in text


@pytest.mark.parametrize("what", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["audit_auditentry", "audit_auditlink"])
def test_nobody_changes_the_trail(tenant: Tenant, what: str, table: str) -> None:
    column = {"audit_auditentry": "actor", "audit_auditlink": "digest"}[table]
    connection.check_constraints()  # the entries get their places
    sql = what.format(table, column, "'x'")
    refused = pytest.raises(ProgrammingError, match="audit trail is never changed")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_json_of_an_entry_is_what_python_reads(plan: Plan) -> None:
    after = last_about(plan).after
    assert json.loads(json.dumps(after)) == after


def test_the_logbook_is_written_and_searched_by_command(
    staff_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("logbook", kind="incident", title="The mail server was away", text="for an hour")
    call_command("logbook", kind="deployment", title="0.2.0")
    call_command("logbook", search="HOUR")

    told = capsys.readouterr().out.splitlines()[-1]
    assert "incident" in told
    assert "The mail server was away" in told
    assert "0.2.0" not in told
    with pytest.raises(CommandError, match="deployment"):
        call_command("logbook", title="of no kind")


def test_the_logbook_is_written_in_the_admin_and_put_right_by_another_entry(
    staff_client: Client,
) -> None:
    form = {"kind": "decision", "title": "We use Authentik", "text": "See the decisions."}
    form |= {"happened_at_0": "2026-11-22", "happened_at_1": "10:00:00"}
    staff_client.post("/admin/audit/logbookentry/add/", form, secure=True)

    page = staff_client.get("/admin/audit/logbookentry/?q=authentik", secure=True)
    assert "We use Authentik" in page.content.decode()
    entry = AuditEntry.objects.get(model="audit.LogbookEntry")
    refused = staff_client.post(f"/admin/audit/logbookentry/{entry.object_id}/delete/", secure=True)
    assert refused.status_code == 403


def test_operations_are_noted_when_they_are_opened(instance: Instance) -> None:
    operation = ledger.operation_open(
        kind="resize", subject=instance, tenant=instance.tenant, cause="test"
    )
    Operation.objects.update(lease_until=timezone.now(), attempts=3)
    assert [entry.action for entry in entries_about(operation)] == ["insert"]
