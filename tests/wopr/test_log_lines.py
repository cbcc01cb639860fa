"""Log lines: one JSON object each, with the correlation id, without secrets."""

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from wopr.common import correlation, logs

SECRET = st.text(alphabet="abcdefXYZ0123456789_-", min_size=12, max_size=40)
# Every way in which a secret has been seen to come into a log line.
CARRIERS = [
    "Authorization: Bearer {}",
    "key sk_test_{}",
    "key sk_live_{} and more",
    "restricted rk_live_{}",
    "signing whsec_{}",
    "password={}",
    'body {{"password": "{}"}}',
    "{{'api_key': '{}'}}",
    "CLOUDFLARE_API_TOKEN={} make run",
    "secret: {}",
    "redis://:{}@127.0.0.1:6379/0",
    "postgres://wopr:{}@db/wopr",
    "?token={}&page=2",
    "GET /account/reset/{} HTTP/1.1",
]


class Log:
    """A logger with the handler that settings.LOGGING describes, writing into memory."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        handler = self.handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.JsonFormatter())
        for name in settings.LOGGING["handlers"]["stderr"]["filters"]:
            path = settings.LOGGING["filters"][name]["()"]
            handler.addFilter(getattr(logs, path.rpartition(".")[2])())
        self.logger = logging.Logger("test")
        self.logger.addHandler(handler)

    def line(self, write: Callable[[logging.Logger], Any]) -> dict[str, Any]:
        """The one line that came of it, and that it is one line of JSON."""
        self.stream.seek(0)
        self.stream.truncate()
        write(self.logger)
        [line] = self.stream.getvalue().splitlines()
        parsed: dict[str, Any] = json.loads(line)
        return parsed


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


def test_a_line_is_json_with_the_usual_names(log: Log) -> None:
    with correlation.correlation("evt_123456"):
        line = log.line(lambda logger: logger.warning("paid %s\nand more", 9))
    assert line.pop("time")
    assert line == {
        "level": "WARNING",
        "logger": "test",
        "message": "paid 9\nand more",
        "correlation_id": "evt_123456",
    }


@pytest.mark.parametrize("carrier", CARRIERS)
@effort(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
)
@given(secret=SECRET)
def test_no_secret_gets_into_a_message(carrier: str, log: Log, secret: str) -> None:
    text = carrier.format(secret)
    for line in (
        log.line(lambda logger: logger.info(text)),
        log.line(lambda logger: logger.info("said: %s", text)),
        log.line(lambda logger: logger.info("said", extra={"detail": text})),
        log.line(lambda logger: logger.info("said", extra={"detail": {"inner": [text]}})),
        log.line(lambda logger: raised(logger, text)),
    ):
        assert secret not in json.dumps(line)
        assert "[redacted]" in json.dumps(line)


def raised(logger: logging.Logger, text: str) -> None:
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logger.exception("it went wrong")


@pytest.mark.parametrize("name", ["password", "secret", "api_key", "stripe_secret_key", "token"])
def test_no_secret_gets_out_by_the_name_of_a_field(name: str, log: Log) -> None:
    line = log.line(lambda logger: logger.info("said", extra={name: "hunter-two"}))
    assert line[name] == "[redacted]"


@pytest.mark.parametrize(
    "text",
    [
        "operation 12 of tenant alice-co is running",
        "https://alice-co.bots.localhost:8443/ answered 200",
        "webhook 7 could not be processed",
        "stripe GET /v1/subscriptions -> 200",
    ],
)
def test_ordinary_words_stay(text: str, log: Log) -> None:
    assert log.line(lambda logger: logger.info(text))["message"] == text


@given(st.text())
def test_redaction_takes_any_text_and_is_done_after_once(text: str) -> None:
    assert logs.redact(logs.redact(text)) == logs.redact(text)


def test_a_badly_written_log_call_does_not_hurt_its_caller(log: Log) -> None:
    too_many = ("password=hunter-two", "and more")
    line = log.line(lambda logger: logger.info("only %s", *too_many))
    assert "only" in line["message"]
    assert "hunter-two" not in json.dumps(line)


@pytest.mark.django_db
def test_a_refused_request_is_logged_with_its_id(log: Log) -> None:
    refusals = logging.getLogger("django.request")
    refusals.addHandler(log.handler)
    headers = {"X-Correlation-ID": "refused-12345678"}
    line = log.line(lambda _: Client().get("/api/v1/me", headers=headers))
    refusals.removeHandler(log.handler)
    assert (line["logger"], line["correlation_id"]) == ("django.request", "refused-12345678")
