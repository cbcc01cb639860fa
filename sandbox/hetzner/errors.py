"""Hetzner's errors: a stable code, a text, sometimes details."""

from __future__ import annotations

from sandbox.machines.wire import Refusal
from sandbox.types import Json


def refusal(status: int, code: str, message: str, details: Json | None = None) -> Refusal:
    """Return an error as Hetzner words it."""
    return Refusal(status, {"error": {"code": code, "message": message, "details": details}})


def invalid(field: str, message: str) -> Refusal:
    """Return what is said of an input that cannot be."""
    details = {"fields": [{"name": field, "messages": [message]}]}
    return refusal(422, "invalid_input", f"invalid input in field '{field}'", details)


def taken(field: str, message: str) -> Refusal:
    """Return what is said of a name that another has."""
    details = {"fields": [{"name": field, "messages": [message]}]}
    return refusal(409, "uniqueness_error", message, details)


def locked() -> Refusal:
    """Return what is said while an action is under way."""
    return refusal(423, "locked", "the item is locked (there is already an action running)")


class Words:
    """The common errors."""

    def unauthorized(self) -> Refusal:
        """A token that is missing or wrong."""
        return refusal(401, "unauthorized", "unable to authenticate")

    def read_only(self) -> Refusal:
        """A token that may not change anything."""
        message = "the token is only allowed to perform GET requests"
        return refusal(403, "token_readonly", message)

    def too_many(self) -> Refusal:
        """More requests than an hour has."""
        return refusal(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached")

    def malformed(self) -> Refusal:
        """A body that is no JSON object."""
        return refusal(400, "json_error", "invalid JSON input in request body")

    def not_found(self, what: str = "resource") -> Refusal:
        """An id or path that leads nowhere."""
        return refusal(404, "not_found", f"{what} not found")

    def failure(self, status: int) -> Refusal:
        """An injected failure."""
        return refusal(status, "server_error", "an internal server error occurred")


WORDS = Words()
