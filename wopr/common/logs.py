"""Logs: one JSON object a line, with the correlation id and without secrets."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

from wopr.common.correlation import current_id

# What secrets look like, wherever they turn up: vendors' prefixes, bearer headers, links to choose
# a new password, key=value.
_SECRETS = re.compile(
    r"(?P<keep>\b(?:sk|rk|pk)_(?:test|live)_|\bwhsec_|\bBearer\s+|/account/reset/"
    r"|(?i:\b[\w-]*(?:password|secret|token|api_?key)[\w-]*[\"']?\s*[=:]\s*[\"']?))"
    r"[^\s\"',&]+"
)
_SECRET_NAMES = re.compile(r"password|secret|token|api_?key", re.IGNORECASE)
# The password in scheme://user:…@host.
_URL_PASSWORDS = re.compile(r"(?P<keep>://[^/\s:@]*:)[^/\s@]+(?=@)")


def redact(text: str) -> str:
    """The text with everything that looks like a secret replaced."""
    return _URL_PASSWORDS.sub(r"\g<keep>[redacted]", _SECRETS.sub(r"\g<keep>[redacted]", text))


def cleaned(value: Any, name: str = "") -> Any:
    """The value as a log may keep it: redacted inside, and whole where its name is a secret's."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAMES.search(name):
        return "[redacted]"
    if isinstance(value, Mapping):
        return {str(key): cleaned(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [cleaned(item) for item in value]
    return redact(str(value))


class JsonFormatter(BaseJsonFormatter):
    """Field names that log shippers expect; extra fields and tracebacks are redacted too."""

    def __init__(self) -> None:
        super().__init__(
            "{levelname}{name}{message}{correlation_id}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: cleaned(value, name) for name, value in log_data.items()}


class CorrelationFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        # Django logs refused requests after the middleware that set the current id has ended.
        request = getattr(record, "request", None)
        record.correlation_id = current_id() or getattr(request, "correlation_id", "")
        return True


class RedactionFilter(logging.Filter):
    """Redacts the finished message, so that no caller has to remember to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(_message(record)), None
        return True


def _message(record: logging.LogRecord) -> str:
    """The finished message; a call whose arguments do not fit must not hurt its caller."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"
