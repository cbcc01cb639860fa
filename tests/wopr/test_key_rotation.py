"""Keys of stored secrets: named, changed by a command, and missed out loud."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from fleet.models import Instance
from wopr.common.crypto import DecryptionError, decrypt, encrypt, key_id, sealed_with

pytestmark = pytest.mark.django_db


def new_key() -> str:
    return Fernet.generate_key().decode()


def stored(instance: Instance) -> str:
    """The daemon token as PostgreSQL has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT daemon_token FROM fleet_instance WHERE id = %s", [instance.pk])
        return str(cursor.fetchone()[0])


def rotated() -> str:
    told = StringIO()
    call_command("rotate_keys", stdout=told)
    return told.getvalue()


def test_after_a_rotation_the_old_key_is_not_needed(instance: Instance, settings: Any) -> None:
    [old] = settings.WOPR_FIELD_KEYS
    token, new = instance.daemon_token, new_key()
    settings.WOPR_FIELD_KEYS = [new, old]

    told = rotated()

    assert f"key {key_id(new)} seals" in told
    assert f"key {key_id(old)} is not in use: take it away" in told
    assert sealed_with(stored(instance)) == key_id(new)
    settings.WOPR_FIELD_KEYS = [new]
    instance.refresh_from_db()
    assert instance.daemon_token == token


def test_a_second_rotation_has_nothing_to_do(instance: Instance, settings: Any) -> None:
    settings.WOPR_FIELD_KEYS = [new_key(), *settings.WOPR_FIELD_KEYS]
    rotated()
    sealed = stored(instance)

    assert rotated().startswith("0 secrets")
    assert stored(instance) == sealed


def test_secrets_from_before_keys_had_names_are_taken_along(
    instance: Instance, settings: Any
) -> None:
    [old] = settings.WOPR_FIELD_KEYS
    nameless = Fernet(old).encrypt(b"from long ago").decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fleet_instance SET daemon_token = %s", [nameless])

    rotated()

    assert sealed_with(stored(instance)) == key_id(old)
    instance.refresh_from_db()
    assert instance.daemon_token == "from long ago"


def test_with_a_key_missing_nothing_is_changed(instance: Instance, settings: Any) -> None:
    [old] = settings.WOPR_FIELD_KEYS
    sealed, settings.WOPR_FIELD_KEYS = stored(instance), [new_key()]

    with pytest.raises(CommandError, match=key_id(old)):
        rotated()

    assert stored(instance) == sealed


def test_a_key_that_is_missing_is_named(settings: Any) -> None:
    settings.WOPR_FIELD_KEYS = [lost := new_key()]
    sealed = encrypt("secret")
    settings.WOPR_FIELD_KEYS = [new_key()]

    with pytest.raises(DecryptionError, match=key_id(lost)):
        decrypt(sealed)
