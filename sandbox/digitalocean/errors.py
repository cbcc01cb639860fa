"""DigitalOcean's errors: an id for programs and a message for people."""

from __future__ import annotations

from sandbox.machines.wire import Refusal


def refusal(status: int, code: str, message: str) -> Refusal:
    """Return an error as DigitalOcean words it."""
    return Refusal(status, {"id": code, "message": message})


def unprocessable(message: str) -> Refusal:
    """Return what is said of a request that cannot be carried out."""
    return refusal(422, "unprocessable_entity", message)


class Words:
    """The common errors."""

    def unauthorized(self) -> Refusal:
        """A token that is missing or wrong."""
        return refusal(401, "unauthorized", "Unable to authenticate you")

    def read_only(self) -> Refusal:
        """A token that may not change anything."""
        return refusal(403, "forbidden", "You are not authorized to perform this operation")

    def too_many(self) -> Refusal:
        """More requests than an hour has."""
        return refusal(429, "too_many_requests", "API Rate limit exceeded.")

    def malformed(self) -> Refusal:
        """A body that is no JSON object."""
        return refusal(400, "bad_request", "error parsing request body: invalid JSON")

    def not_found(self) -> Refusal:
        """An id or path that leads nowhere."""
        return refusal(404, "not_found", "The resource you were accessing could not be found.")

    def failure(self, status: int) -> Refusal:
        """An injected failure."""
        return refusal(status, "server_error", "Unexpected server-side error")


WORDS = Words()
