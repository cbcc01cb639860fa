"""What `audit_verify` says when somebody who may do anything in the database was at the trail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections

from billing.models import Plan
from tenants.models import User
from wopr.common.audit.models import AuditEntry, AuditLink
from wopr.common.audit.triggers import install
from wopr.common.audit.verifying import verify
from wopr.tasks import audit_verify

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def five_entries(db: None) -> None:
    for number in range(5):
        Plan.objects.create(
            code=f"plan-{number}", name="Plan", memory_mb=256, cpu_millis=500, pids=128, disk_gb=1
        )


@contextmanager
def unguarded() -> Iterator[Any]:
    """As the tables' owner, who can switch triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = DEFAULT")


def test_a_trail_that_nobody_touched_holds(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit_verify")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "5 entries are as they were written."
    head = second.removeprefix("Note elsewhere: ")
    call_command("audit_verify", expect=head)


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("UPDATE audit_auditentry SET actor = 'nobody' WHERE id = {third}", "is not what was"),
        ("UPDATE audit_auditentry SET after = '{{}}' WHERE id = {third}", "is not what was"),
        ("UPDATE audit_auditentry SET at = at - interval '1 day' WHERE id = {third}", "is not"),
        ("DELETE FROM audit_auditentry WHERE id = {third}", "is gone"),
        ("DELETE FROM audit_auditlink WHERE entry_id = {third}", "are gone"),
        ("UPDATE audit_auditlink SET digest = 'x' WHERE entry_id = {third}", "is not what was"),
        (
            "INSERT INTO audit_auditentry (at, model, object_id, action, actor, address, via,"
            " reason, correlation_id, database_user)"
            " VALUES (now(), 'x', '', 'insert', '', '', '', '', '', '')",
            "has no place in the chain",
        ),
    ],
)
def test_tampering_is_found(tampering: str, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    third = AuditEntry.objects.order_by("id")[2].pk
    with unguarded() as cursor:
        cursor.execute(tampering.format(third=third))

    with pytest.raises(CommandError, match="tampered"):
        call_command("audit_verify")
    assert fault in capsys.readouterr().err


def test_staff_hear_of_tampering_from_the_schedule(mailoutbox: list[Any]) -> None:
    User.objects.create_superuser("staff@example.com")
    audit_verify()
    assert mailoutbox == []
    third = AuditEntry.objects.order_by("id")[2].pk
    with unguarded() as cursor:
        cursor.execute(f"UPDATE audit_auditentry SET actor = 'nobody' WHERE id = {third}")
    audit_verify()
    [letter] = mailoutbox
    assert letter.to == ["staff@example.com"]
    assert f"entry {third} at place 3 is not what was written" in letter.body


def test_an_end_that_was_cut_off_is_found_by_what_was_noted() -> None:
    noted = verify()
    last = AuditEntry.objects.order_by("id").last()
    assert last is not None
    with unguarded() as cursor:
        cursor.execute(f"DELETE FROM audit_auditentry WHERE id = {last.pk}")
        cursor.execute(f"DELETE FROM audit_auditlink WHERE entry_id = {last.pk}")

    assert verify().faults == []
    [fault] = verify(expected=f"{noted.position}:{noted.digest}").faults
    assert "does not lead through" in fault


def test_a_table_whose_trigger_was_taken_away_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_plan DISABLE TRIGGER wopr_audit")
        cursor.execute("ALTER TABLE audit_auditentry DISABLE TRIGGER wopr_keep")
    try:
        assert verify().faults == [
            "changes of billing.Plan go unseen",
            "nothing keeps the trail from being changed",
        ]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE billing_plan ENABLE TRIGGER wopr_audit")
            cursor.execute("ALTER TABLE audit_auditentry ENABLE TRIGGER wopr_keep")


def test_many_at_once_make_one_chain() -> None:
    plans = list(Plan.objects.all())

    def rename(plan: Plan) -> None:
        for number in range(10):
            Plan.objects.filter(pk=plan.pk).update(name=f"Plan {number}")
        connections.close_all()

    threads = [threading.Thread(target=rename, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    verdict = verify()
    assert verdict.faults == []
    assert verdict.entries == 55
    assert AuditLink.objects.filter(position=None).count() == 0


def test_what_was_rolled_back_leaves_no_hole() -> None:
    with pytest.raises(ZeroDivisionError):
        _renamed_and_failed()
    Plan.objects.update(name="Other")
    assert verify().faults == []


def _renamed_and_failed() -> None:
    from django.db import transaction

    with transaction.atomic():
        Plan.objects.update(name="Never")
        raise ZeroDivisionError


@pytest.fixture
def role() -> Iterator[psycopg.Connection[Any]]:
    """The application, as a role that does not own its tables."""
    at = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE app_of_a_test LOGIN PASSWORD 'of a test'")
    call_command("app_role", "app_of_a_test")
    try:
        with psycopg.connect(
            host=at["HOST"], port=at["PORT"], dbname=at["NAME"],
            user="app_of_a_test", password="of a test", autocommit=True,
        ) as made:  # fmt: skip
            yield made
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP OWNED BY app_of_a_test")
            cursor.execute("DROP ROLE app_of_a_test")


def test_the_applications_own_role_writes_the_trail_and_cannot_alter_it(
    role: psycopg.Connection[Any],
) -> None:
    role.execute("UPDATE billing_plan SET name = 'By the application'")
    verdict = verify()
    assert (verdict.entries, verdict.faults) == (10, [])
    newest = AuditEntry.objects.first()
    assert newest is not None
    assert newest.database_user == "app_of_a_test"

    for sql in (
        "UPDATE audit_auditentry SET actor = 'nobody'",
        "DELETE FROM audit_auditentry",
        "INSERT INTO audit_auditlink (entry_id, digest) VALUES (99, 'x')",
        "TRUNCATE audit_auditentry",
        "ALTER TABLE audit_auditentry DISABLE TRIGGER wopr_keep",
        "ALTER TABLE billing_plan DISABLE TRIGGER wopr_audit",
        "DROP TABLE audit_auditentry",
        "DROP FUNCTION wopr_audit_write() CASCADE",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(sql)


def test_the_owner_of_the_tables_is_no_role_for_the_application() -> None:
    with pytest.raises(CommandError, match="owns the tables"):
        call_command("app_role", connection.settings_dict["USER"])


def test_installing_again_changes_nothing_and_takes_away_what_is_not_watched() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER wopr_audit AFTER UPDATE ON common_heartbeat FOR EACH ROW"
            " EXECUTE FUNCTION wopr_audit_write('x', 'name', '', '')"
        )
        cursor.execute(
            "CREATE TRIGGER wopr_audit_all AFTER TRUNCATE ON common_heartbeat FOR EACH STATEMENT"
            " EXECUTE FUNCTION wopr_audit_write('x', 'name', '', '')"
        )
    install()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'common_heartbeat'::regclass"
        )
        assert cursor.fetchone() == (0,)
    assert verify().faults == []
