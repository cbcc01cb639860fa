"""Things that go wrong on demand, and what has happened in spite of it."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from sandbox.control import SandboxControl

CUSTOMERS = {"method": "POST", "path": "/v1/customers"}


def _emails(api: Any) -> list[str]:
    return [customer["email"] for customer in api.get("customers")["data"]]


def test_a_status_fault_strikes_as_often_as_asked_and_changes_nothing(
    api: Any, control: SandboxControl
) -> None:
    control.add_fault("stripe", "status", **CUSTOMERS, status=429, retry_after=7, times=2)
    answers = [api.post("customers", {"email": "a@example.com"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"]["code"] == "rate_limit"
    assert _emails(api) == ["a@example.com"]


def test_a_500_is_the_answer_to_its_idempotency_key_for_good(
    api: Any, control: SandboxControl
) -> None:
    control.add_fault("stripe", "status", **CUSTOMERS, status=500)
    key = {"Idempotency-Key": "provision-1"}
    answers = [api.post("customers", {"email": "a@example.com"}, **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [500, 500]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert api.post("customers", **{"Idempotency-Key": "provision-2"}).status_code == 200


def test_latency_delays_an_answer_that_is_right(api: Any, control: SandboxControl) -> None:
    control.add_fault("stripe", "latency", **CUSTOMERS, seconds=0.3)
    started = time.monotonic()
    assert api.post("customers").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_a_timeout_after_the_change_leaves_the_change(api: Any, control: SandboxControl) -> None:
    control.add_fault("stripe", "timeout_after", **CUSTOMERS)
    with pytest.raises(httpx.ReadTimeout):
        api.http.post("/v1/customers", data={"email": "a@example.com"}, timeout=0.3)
    assert _emails(api) == ["a@example.com"]


def test_a_retry_with_the_same_key_finds_what_the_lost_answer_made(
    api: Any, control: SandboxControl
) -> None:
    control.add_fault("stripe", "timeout_after", **CUSTOMERS)
    key = {"Idempotency-Key": "customer-1"}
    with pytest.raises(httpx.ReadTimeout):
        api.http.post("/v1/customers", data={"email": "a@example.com"}, headers=key, timeout=0.3)
    again = api.post("customers", {"email": "a@example.com"}, **key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert _emails(api) == ["a@example.com"]


@pytest.mark.parametrize(("when", "made"), [("before", []), ("after", ["a@example.com"])])
def test_a_dropped_connection_may_hit_before_or_after_the_change(
    api: Any, control: SandboxControl, when: str, made: list[str]
) -> None:
    control.add_fault("stripe", "drop", **CUSTOMERS, when=when)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.post("customers", {"email": "a@example.com"})
    assert _emails(api) == made


def test_paths_match_by_glob_or_by_regular_expression(api: Any, control: SandboxControl) -> None:
    control.add_fault("stripe", "status", path="/v1/customers/*", status=503)
    control.add_fault("stripe", "status", path=r"^/v1/pr(ic|oduct)", status=502)
    assert api.http.get("/v1/customers/cus_1").status_code == 503
    assert api.http.get("/v1/products").status_code == 502
    assert api.http.get("/v1/customers").status_code == 200


def test_clearing_ends_all_faults(api: Any, control: SandboxControl) -> None:
    control.add_fault("stripe", "status", path="*", times=None)
    assert api.post("customers").status_code == 500
    control.clear()
    assert api.post("customers").status_code == 200


def test_a_fault_that_makes_no_sense_is_refused(control: SandboxControl) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        control.add_fault("stripe", "earthquake")


def test_the_log_tells_who_called_what_with_which_key(api: Any, control: SandboxControl) -> None:
    headers = {"Idempotency-Key": "key-1", "X-Correlation-Id": "c-1"}
    api.post("customers", {"email": "a@example.com"}, **headers)
    (entry,) = control.requests("stripe", path="/v1/customers", method="POST")
    assert (entry["idempotency_key"], entry["correlation_id"]) == ("key-1", "c-1")
    assert entry["status"] == 200


def test_cloudflare_words_its_faults_in_its_own_way(
    urls: dict[str, str], control: SandboxControl
) -> None:
    control.add_fault("cloudflare", "status", path="*/zones", status=429, retry_after=1)
    answer = httpx.get(f"{urls['cloudflare']}/zones", trust_env=False)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json()["success"] is False
