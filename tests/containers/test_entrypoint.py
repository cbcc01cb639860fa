"""A container refuses an environment that is not right: all of it at once, and without a secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wopr.processes import PRODUCTION, ROOT, closed_port

ENTRYPOINT = ROOT / "containers" / "entrypoint.sh"
GOOD = {
    **PRODUCTION,
    "DATABASE_URL": "postgres://wopr:swordfish@127.0.0.1:5432/wopr",  # pragma: allowlist secret
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}


def started(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENTRYPOINT, *words], env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=60, cwd=ROOT,
    )  # fmt: skip


def test_a_good_environment_is_let_through() -> None:
    assert started("echo", "OK", **GOOD).stdout == "OK\n"


def test_everything_that_is_missing_is_named_at_once() -> None:
    told = started("echo", "OK")
    assert told.returncode == 78
    assert told.stdout == ""
    for name in ("SECRET_KEY", "WOPR_FIELD_KEYS", "DATABASE_URL", "REDIS_URL", "WOPR_EDGE_IPV4"):
        assert f"{name} is missing" in told.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "swordfish"),
        ("WOPR_FIELD_KEYS", "swordfish"),
        ("DATABASE_URL", "mysql://swordfish"),
        ("STRIPE_SECRET_KEY", "swordfish"),
        ("STRIPE_WEBHOOK_SECRET", "swordfish"),
        ("WOPR_EDGE_IPV4", "not-an-address"),
        ("WOPR_GRACE_DAYS", "a week"),
        ("WOPR_ENV", "staging"),
        ("DEBUG", "1"),
        ("WOPR_DASHBOARD_URL", "wopr.bot; rm -rf"),
    ],
)
def test_what_is_malformed_is_named_and_never_printed(name: str, value: str) -> None:
    told = started("echo", "OK", **{**GOOD, name: value})
    assert told.returncode == 78
    assert f"{name} is malformed" in told.stderr
    assert value not in told.stderr.replace("1 or 0", "")
    assert "swordfish" not in told.stderr


def test_several_mistakes_are_told_together() -> None:
    told = started("echo", "OK", **{**GOOD, "LOG_LEVEL": "loud", "WOPR_EDGE_PORT": "https"})
    assert told.stderr.count("is malformed") == 2


def test_what_the_example_suggests_is_well_formed() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    told = started("echo", "OK", **{**example, **GOOD})
    assert told.stdout == "OK\n", told.stderr


def test_a_container_without_a_role_is_refused() -> None:
    assert started(**GOOD).returncode == 64


def test_nothing_starts_while_the_database_is_away(tmp_path: Path) -> None:
    """The patience is shortened in a copy, and nothing else."""
    copy = tmp_path / "entrypoint.sh"
    copy.write_text(ENTRYPOINT.read_text().replace("PATIENCE=90", "PATIENCE=1"))
    nowhere = f"postgres://wopr@127.0.0.1:{closed_port()}/wopr"
    away = {**GOOD, "DATABASE_URL": nowhere}
    told = subprocess.run(
        ["bash", copy, "manage", "check"], env={"PATH": os.environ["PATH"], **away},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert told.returncode == 69
    assert "did not answer" in told.stderr
    assert "swordfish" not in told.stderr


def test_secrets_come_from_files_and_passwords_go_into_addresses(tmp_path: Path) -> None:
    """The folder is another one in a copy, and nothing else is."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("SECRET_KEY", "WOPR_FIELD_KEYS"):
        (secrets / name).write_text(f"{GOOD[name]}\n")
    (secrets / "POSTGRES_PASSWORD").write_text("swordfish")
    (secrets / "REDIS_PASSWORD").write_text("halibut")
    copy = tmp_path / "entrypoint.sh"
    copy.write_text(ENTRYPOINT.read_text().replace("SECRETS=/run/secrets", f"SECRETS={secrets}"))
    given = {**GOOD, "DATABASE_URL": "postgres://wopr@db/wopr", "SECRET_KEY": ""}
    told = subprocess.run(
        ["bash", copy, "sh", "-c", "echo $DATABASE_URL $REDIS_URL; test -n \"$SECRET_KEY\""],
        env={"PATH": os.environ["PATH"], **given}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    seen = told.stdout.split()
    # pragma: allowlist nextline secret
    assert seen == ["postgres://wopr:swordfish@db/wopr", "redis://:halibut@127.0.0.1:6379/0"]


SCRIPTS = ("containers/entrypoint.sh", "containers/deploy.sh", "containers/caddy/start")


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), ROOT / script],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout
