"""How Authentik refuses: by field, or in one sentence."""

from __future__ import annotations

from sandbox.types import Json


class AuthentikError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


def detail(status: int, text: str, code: str = "error") -> AuthentikError:
    """Return an error that is about the whole request."""
    return AuthentikError(status, {"detail": text, "code": code})


def invalid(field: str, text: str) -> AuthentikError:
    """Return an error that is about one field."""
    return AuthentikError(400, {field: [text]})


def missing(what: str) -> AuthentikError:
    """Return what is said of something that is not there."""
    return detail(404, f"No {what} matches the given query.", "not_found")


NO_TOKEN = (403, "Authentication credentials were not provided.", "not_authenticated")
BAD_TOKEN = (403, "Token invalid/expired", "authentication_failed")
