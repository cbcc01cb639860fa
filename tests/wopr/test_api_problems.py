"""Every error of the API has one shape: {code, message, fields, reference}."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from tenants.models import User
from tests.conftest import PASSWORD
from wopr.common.correlation import HEADER

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    cache.clear()


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Asserts the shape; returns the problem."""
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    told: dict[str, Any] = answer.json()
    assert told.keys() == {"code", "message", "fields", "reference"}
    assert told["code"] == code
    assert told["message"].strip()
    assert told["reference"] == answer[HEADER]
    assert all(isinstance(texts, list) for texts in told["fields"].values())
    return told


def test_not_signed_in() -> None:
    problem(Client().get("/api/v1/me"), 401, "not_authenticated")


def test_nothing_here_for_you(api: APIClient) -> None:
    problem(api.get(f"/api/v1/tenants/{NOBODY}"), 404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/tenants/no-uuid", "/api/nothing"])
def test_no_such_address(path: str, api: APIClient) -> None:
    problem(api.get(path), 404, "not_found")


def test_wrong_method(api: APIClient) -> None:
    problem(api.delete("/api/v1/me"), 405, "method_not_allowed")


def test_a_body_that_is_no_json(api: APIClient) -> None:
    answer = api.generic("POST", "/api/v1/tenants", "{", "application/json")
    problem(answer, 400, "parse_error")


def test_a_body_of_another_type(api: APIClient) -> None:
    answer = api.generic("POST", "/api/v1/tenants", "a=b", "application/x-www-form-urlencoded")
    problem(answer, 415, "unsupported_media_type")


def test_a_body_that_is_too_large(api: APIClient, settings: Any) -> None:
    body = "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    problem(api.generic("POST", "/api/v1/tenants", body, "application/json"), 400, "bad_request")


def test_input_that_is_not_valid_names_the_field(api: APIClient) -> None:
    told = problem(api.post("/api/v1/tenants", {}), 400, "required")
    assert told["fields"] == {"slug": [told["message"]]}


@pytest.mark.parametrize("body", [[], "text", 7])
def test_input_of_another_shape(body: Any, api: APIClient) -> None:
    assert problem(api.post("/api/v1/tenants", body, format="json"), 400, "invalid")["fields"]


def test_a_refusal_of_a_service_names_the_field(api: APIClient) -> None:
    told = problem(api.post("/api/v1/tenants", {"slug": "admin"}), 400, "slug_reserved")
    assert told["fields"] == {"slug": [told["message"]]}


def test_a_forged_request() -> None:

    User.objects.create_user("dora@example.com", PASSWORD)
    client = Client(enforce_csrf_checks=True)
    client.login(username="dora@example.com", password=PASSWORD)
    answer = client.post("/api/v1/tenants", {"slug": "x"}, content_type="application/json")
    problem(answer, 403, "permission_denied")


def test_too_many_requests_say_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rest_framework.throttling.AnonRateThrottle.rate", "3/min", raising=False)
    answers = [Client().get("/api/v1/plans") for _ in range(4)]
    assert [answer.status_code for answer in answers[:3]] == [200] * 3
    problem(answers[-1], 429, "throttled")
    assert int(answers[-1]["Retry-After"]) <= 60


def test_an_error_of_ours_tells_the_reference_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the name of a table")

    monkeypatch.setattr("billing.api.views.PlanListView.get_queryset", broken)
    answer = Client(raise_request_exception=False).get("/api/v1/plans")
    told = problem(answer, 500, "server_error")
    assert "table" not in str(told)
