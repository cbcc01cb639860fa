"""`manage.py staff_ensure`."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tenants.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return file


def ensure(file: Path, email: str = "staff@example.com") -> None:
    call_command("staff_ensure", f"--email={email}", f"--password-file={file}")


def test_it_makes_a_superuser_once(password_file: Path) -> None:
    ensure(password_file)
    ensure(password_file, "STAFF@example.com")
    staff = User.objects.get()
    assert (staff.is_staff, staff.is_superuser) == (True, True)
    assert staff.check_password(PASSWORD)


def test_it_sets_another_password(password_file: Path) -> None:
    ensure(password_file)
    password_file.write_text("another battery staple")
    ensure(password_file)
    assert User.objects.get().check_password("another battery staple")


def test_it_does_not_sign_staff_out_when_nothing_changed(password_file: Path) -> None:
    """A new hash of the same password would end every session."""
    ensure(password_file)
    before = User.objects.get().password
    ensure(password_file)
    assert User.objects.get().password == before


def test_it_says_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        ensure(tmp_path / "missing")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(CommandError, match="is empty"):
        ensure(tmp_path / "empty")
    assert not User.objects.exists()
