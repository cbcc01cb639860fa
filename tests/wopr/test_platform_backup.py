"""A backup of the platform is worth what comes back from it, into a database that was empty."""

import json
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from fleet.models import Instance, Operation
from tenants.models import Document, Tenant, User

pytestmark = pytest.mark.django_db(transaction=True)
FRESH = "wopr_restored_into"


@pytest.fixture(autouse=True)
def own_repository(settings: Any, tmp_path: Path) -> None:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path / "backups")


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("kept in another place\n")
    return str(file)


@pytest.fixture
def fresh_database() -> Iterator[None]:
    """From now on Django uses an empty database with the same tables, as after `migrate`."""
    used = connection.settings_dict["NAME"]
    connection.close()
    with administering() as server:
        # A thread of an earlier test may have left its connection open; a template has none.
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [used]
        )
        server.execute(f'CREATE DATABASE {FRESH} TEMPLATE "{used}"')
    connection.settings_dict["NAME"] = FRESH
    with connection.cursor() as cursor:
        # The audit trail refuses to be emptied; this database never had one.
        cursor.execute("SET session_replication_role = replica")
        tables = ", ".join(f'"{name}"' for name in connection.introspection.table_names())
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        cursor.execute("RESET session_replication_role")
    MigrationRecorder(connection).ensure_schema()
    yield
    connection.close()
    connection.settings_dict["NAME"] = used
    with administering() as server:
        server.execute(f"DROP DATABASE {FRESH}")


def administering() -> psycopg.Connection[Any]:
    told = connection.settings_dict
    return psycopg.connect(
        host=told["HOST"], port=told["PORT"], user=told["USER"], password=told["PASSWORD"],
        dbname="postgres", autocommit=True,
    )  # fmt: skip


def said(command: str, **options: Any) -> str:
    told = StringIO()
    call_command(command, stdout=told, **options)
    return told.getvalue()


@pytest.fixture
def kept(instance: Instance, password: str) -> Instance:
    """Alice's bot, a document of hers and an operation, in a backup."""
    MigrationRecorder(connection).ensure_schema()
    Operation.objects.create(
        kind="provision", subject_kind="instance", subject_id=instance.pk, tenant=instance.tenant
    )
    Document.objects.create(
        tenant=instance.tenant, kind="welcome", cause="x", content=b"%PDF", size=4, filename="w.pdf"
    )
    assert "rows, snapshot" in said("backup_platform", password_file=password)
    return instance


def test_everything_comes_back_into_a_fresh_database(
    kept: Instance, password: str, fresh_database: None
) -> None:
    assert not Tenant.objects.exists()

    assert "rows are back" in said("restore_platform", password_file=password)

    [instance] = Instance.objects.all()
    assert (instance.pk, instance.daemon_token) == (kept.pk, kept.daemon_token)
    assert bytes(Document.objects.get().content) == b"%PDF"
    assert User.objects.get().check_password("correct horse battery staple")
    assert Operation.objects.get().tenant == instance.tenant


def test_what_is_written_after_a_restore_takes_no_number_that_is_taken(
    kept: Instance, password: str, fresh_database: None
) -> None:
    said("restore_platform", password_file=password)

    newcomer = User.objects.create_user("dora@example.com", "x")

    assert User.objects.count() == 2
    assert newcomer.pk != User.objects.get(email="alice@example.com").pk


def test_the_keys_are_in_it_and_a_restore_says_when_they_are_missing(
    kept: Instance, password: str, fresh_database: None, settings: Any, tmp_path: Path
) -> None:
    lost = settings.WOPR_FIELD_KEYS
    settings.WOPR_FIELD_KEYS = [Fernet.generate_key().decode()]
    file = tmp_path / "keys.json"

    told = said("restore_platform", password_file=password, keys_to=str(file))

    assert "put WOPR_FIELD_KEYS of the backup in place" in told
    assert json.loads(file.read_text())["WOPR_FIELD_KEYS"] == lost
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_nothing_is_restored_over_tenants(kept: Instance, password: str) -> None:
    with pytest.raises(CommandError, match="has tenants"):
        said("restore_platform", password_file=password)


def test_nothing_is_restored_into_tables_of_another_version(
    kept: Instance, password: str, fresh_database: None
) -> None:
    MigrationRecorder(connection).record_applied("fleet", "9999_from_the_future")
    with pytest.raises(CommandError, match=r"fleet\.9999_from_the_future"):
        said("restore_platform", password_file=password)
    assert not User.objects.exists()


def test_another_password_opens_nothing(kept: Instance, password: str, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another password of that length")
    with pytest.raises(CommandError):
        said("restore_platform", password_file=str(tmp_path / "other"), list=True)
    assert "platform-" in said("restore_platform", password_file=password, list=True)


def test_a_password_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("hunter2\n")
    with pytest.raises(CommandError, match="20 letters"):
        said("backup_platform", password_file=str(tmp_path / "short"))
