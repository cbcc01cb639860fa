"""Logs: one JSON object a line, with the correlation id and without secrets."""

import logging
import re

from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

from wopr.common.correlation import current_id

# What secrets look like, wherever they turn up: vendors' prefixes, bearer headers, key=value.
_SECRETS = re.compile(
    r"(?P<keep>\b(?:sk|rk|pk)_(?:test|live)_|\bwhsec_|\bBearer\s+"
    r"|(?i:\b[\w-]*(?:password|secret|token|api_?key)[\w-]*[\"']?\s*[=:]\s*[\"']?))"
    r"[^\s\"',&]+"
)
# The password in scheme://user:password@host.
_URL_PASSWORDS = re.compile(r"(?P<keep>://[^/\s:@]*:)[^/\s@]+(?=@)")


def redact(text: str) -> str:
    """The text with everything that looks like a secret replaced."""
    return _URL_PASSWORDS.sub(r"\g<keep>[redacted]", _SECRETS.sub(r"\g<keep>[redacted]", text))


class JsonFormatter(BaseJsonFormatter):
    """Field names that log shippers expect; exceptions are redacted like messages."""

    def __init__(self) -> None:
        super().__init__(
            "{levelname}{name}{message}{correlation_id}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def formatException(self, ei: object) -> str:  # noqa: N802  (logging's own name)
        return redact(super().formatException(ei))  # type: ignore[arg-type]


class CorrelationFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs refused requests after the middleware that set the current id has ended.
        request = getattr(record, "request", None)
        record.correlation_id = current_id() or getattr(request, "correlation_id", "")
        return True


class RedactionFilter(logging.Filter):
    """Redacts the finished message, so that no caller has to remember to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True
