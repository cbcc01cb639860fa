"""What browsers are told about security, on every page and on every answer of the API."""

import pytest
from django.test import Client

from tests.wopr.processes import ask

PAGES = ["/", "/plans", "/tenants/x", "/api/v1/plans", "/api/v1/me", "/api/v1/none", "/api/live"]


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, str]]:
    """The headers of each page in production, asked of one process."""
    return {path: found["headers"] for path, found in zip(PAGES, ask(*PAGES), strict=True)}


@pytest.fixture(params=PAGES)
def headers(request: pytest.FixtureRequest, answers: dict[str, dict[str, str]]) -> dict[str, str]:
    return answers[request.param]


def test_https_is_kept_for_a_year_with_all_subdomains(headers: dict[str, str]) -> None:
    told = headers["Strict-Transport-Security"]
    assert int(told.split(";")[0].removeprefix("max-age=")) >= 31_536_000
    assert "includeSubDomains" in told


def test_nothing_is_sniffed_framed_or_referred_to_others(headers: dict[str, str]) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "same-origin"


def test_the_content_policy_allows_our_own_files_and_nothing_inline(
    headers: dict[str, str],
) -> None:
    policy = dict(
        directive.split(" ", 1) for directive in headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/signup", "/account", "/tenants/new", "/checkout/x"])
def test_the_dashboard_is_one_page_that_reads_the_path_itself(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 200
    assert b"dashboard/js/app.js" in answer.content


@pytest.mark.parametrize("path", ["/api/nothing", "/admin/nothing", "/static/nothing.js"])
@pytest.mark.django_db
def test_the_dashboard_does_not_answer_for_others(path: str) -> None:
    assert b"dashboard/js/app.js" not in Client().get(path).content
