"""Secrets in the database: sealed, opened only with the right key, never looked up."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from fleet.models import Instance
from wopr.common.crypto import DecryptionError, decrypt, encrypt


def new_key() -> str:
    return Fernet.generate_key().decode()


@given(st.text())
def test_what_is_sealed_can_be_opened(clear: str) -> None:
    assert decrypt(encrypt(clear)) == clear


@given(st.text(min_size=4))
def test_what_is_sealed_does_not_show(clear: str) -> None:
    assert clear not in encrypt(clear)
    assert encrypt(clear) != encrypt(clear), "equal secrets must not look equal"


def test_another_key_opens_nothing(settings: Any) -> None:
    sealed = encrypt("secret")
    settings.WOPR_FIELD_KEYS = [new_key()]
    with pytest.raises(DecryptionError, match="WOPR_FIELD_KEYS"):
        decrypt(sealed)


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text())
def test_what_was_never_sealed_is_not_passed_through(text: str) -> None:
    with pytest.raises(DecryptionError):
        decrypt(text)


def test_a_changed_seal_is_noticed() -> None:
    sealed = encrypt("secret")
    broken = sealed[:-10] + ("A" if sealed[-10] != "A" else "B") + sealed[-9:]
    with pytest.raises(DecryptionError):
        decrypt(broken)


def test_keys_can_be_changed_without_losing_anything(settings: Any) -> None:
    old, new = new_key(), new_key()
    settings.WOPR_FIELD_KEYS = [old]
    sealed_before = encrypt("secret")
    settings.WOPR_FIELD_KEYS = [new, old]
    assert decrypt(sealed_before) == "secret"
    sealed_after = encrypt("secret")
    settings.WOPR_FIELD_KEYS = [new]
    assert decrypt(sealed_after) == "secret"
    with pytest.raises(DecryptionError):
        decrypt(sealed_before)


@pytest.mark.django_db
class TestInTheDatabase:
    def test_the_column_holds_the_seal_and_the_model_the_secret(self, instance: Instance) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT daemon_token FROM fleet_instance WHERE id = %s", [instance.pk])
            [stored] = cursor.fetchone()
        assert instance.daemon_token not in stored
        assert decrypt(stored) == instance.daemon_token
        assert Instance.objects.get().daemon_token == instance.daemon_token

    def test_a_row_that_cannot_be_opened_raises(self, instance: Instance, settings: Any) -> None:
        settings.WOPR_FIELD_KEYS = [new_key()]
        with pytest.raises(DecryptionError):
            Instance.objects.get()

    @pytest.mark.parametrize("lookup", ["", "__contains", "__in", "__gt"])
    def test_secrets_are_not_looked_up(self, lookup: str, instance: Instance) -> None:
        with pytest.raises(TypeError, match="encrypted"):
            Instance.objects.filter(**{f"daemon_token{lookup}": "x"}).first()
