"""A wrong setting stops the start, and the message names the variable and the fix.

A process per case would take minutes: each of these environments has everything wrong at once.
"""

from subprocess import CompletedProcess

import pytest

from tests.wopr.processes import PRODUCTION, run

Told = CompletedProcess[str]
REQUIRED = sorted(PRODUCTION.keys() - {"WOPR_ENV"})
# Variable, wrong value, what is said of it, and what is said to do about it.
WRONG = [
    ("STRIPE_API_URL", "http://127.0.0.1:8444", "STRIPE_API_URL points at 127.0.0.1",
     "Unset STRIPE_API_URL"),
    ("CLOUDFLARE_API_URL", "https://api.cloudflare.com.evil.example/client/v4",
     "CLOUDFLARE_API_URL points at api.cloudflare.com.evil.example", "Unset CLOUDFLARE_API_URL"),
    ("DEBUG", "1", "DEBUG is on", "Unset DEBUG"),
    ("SECRET_KEY", "short", "SECRET_KEY is too short", "at least 50 random characters"),
    ("ALLOWED_HOSTS", "wopr.bot,*", "ALLOWED_HOSTS admits every host", "in ALLOWED_HOSTS"),
    ("WOPR_DASHBOARD_URL", "http://wopr.bot", "WOPR_DASHBOARD_URL is not HTTPS", "https://"),
    ("WOPR_FIELD_KEYS", "no-key", "WOPR_FIELD_KEYS holds a key that is not one",
     "Fernet.generate_key"),
    ("WOPR_DEPLOYMENT", "Über", "WOPR_DEPLOYMENT is malformed", "Lower-case"),
    ("WOPR_PORT_RANGE", "29999-20000", "WOPR_PORT_RANGE is malformed", "20000-29999"),
    ("WOPR_EDGE_IPV4", "2001:db8::1", "WOPR_EDGE_IPV4 is no IPv4 address", "A records"),
    ("WOPR_BOT_IMAGE", "ghcr.io/wopr-network/wopr@sha256:abc", "WOPR_BOT_IMAGE names a digest",
     ":latest"),
    ("WOPR_DISK_POLICY", "read_only", "WOPR_DISK_POLICY is unknown", "stop or warn"),
]  # fmt: skip


def test_a_complete_production_environment_passes_every_check() -> None:
    told = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert told.returncode == 0, told.stderr


@pytest.fixture(scope="module", params=[None, ""], ids=["missing", "empty"])
def incomplete(request: pytest.FixtureRequest) -> Told:
    return run("manage.py", "check", **dict.fromkeys(REQUIRED, request.param))


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_named_with_where_to_look(name: str, incomplete: Told) -> None:
    assert incomplete.returncode != 0
    [_, _, after] = incomplete.stderr.partition(f"{name} is not set.")
    assert after.lstrip().startswith("HINT:")


@pytest.fixture(scope="module")
def wrong() -> Told:
    return run("manage.py", "check", **{name: value for name, value, _, _ in WRONG})


@pytest.mark.parametrize(("name", "value", "message", "fix"), WRONG, ids=lambda text: text[:30])
def test_a_wrong_value_is_named_with_the_fix(
    name: str, value: str, message: str, fix: str, wrong: Told
) -> None:
    assert wrong.returncode != 0
    [_, found, after] = wrong.stderr.partition(message)
    assert found, wrong.stderr
    assert fix in after.partition("\n\n")[0]


def test_plain_http_to_the_right_host_is_refused_as_well() -> None:
    """And who forgets to say which environment this is gets production."""
    plain = {"STRIPE_API_URL": "http://api.stripe.com", "WOPR_ENV": None, "ALLOWED_HOSTS": "*"}
    told = run("manage.py", "check", **plain)
    assert "STRIPE_API_URL points at" in told.stderr
    assert "ALLOWED_HOSTS admits every host" in told.stderr


def test_another_environment_than_the_two_is_refused() -> None:
    told = run("manage.py", "check", WOPR_ENV="staging")
    assert "WOPR_ENV is 'staging'" in told.stderr
    assert "Use production or development" in told.stderr


def test_development_may_use_a_sandbox() -> None:
    sandbox = {"STRIPE_API_URL": "http://127.0.0.1:8444", "WOPR_ENV": "development"}
    told = run("manage.py", "check", **sandbox)
    assert told.returncode == 0, told.stderr
