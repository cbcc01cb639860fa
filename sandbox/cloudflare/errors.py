"""Cloudflare's error codes and the envelope around every answer."""

from __future__ import annotations

from sandbox.types import Json


class CloudflareError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: int, message: str, *more: tuple[int, str]) -> None:
        super().__init__(message)
        self.status = status
        self.errors = [{"code": c, "message": m} for c, m in ((code, message), *more)]

    def body(self) -> Json:
        """Return the envelope of a failure."""
        return {"success": False, "errors": self.errors, "messages": [], "result": None}


def envelope(result: object, info: Json | None = None) -> Json:
    """Return the envelope of a success."""
    body: Json = {"success": True, "errors": [], "messages": [], "result": result}
    if info is not None:
        body["result_info"] = info
    return body


def invalid(code: int, message: str) -> CloudflareError:
    """A record that fails validation; the root cause comes unwrapped, as it has since 2024."""
    return CloudflareError(400, code, message)


def no_route(path: str) -> CloudflareError:
    """An identifier or path that leads nowhere."""
    message = f"Could not route to {path}, perhaps your object identifier is invalid?"
    return CloudflareError(404, 7003, message, (7000, "No route for that URI"))


NO_CREDENTIALS = (400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
NO_ACCESS_TO_ZONES = (403, 9109, "Invalid access token")
NO_ACCESS_TO_RECORDS = (403, 10000, "Authentication error")
INVALID_TOKEN = (401, 1000, "Invalid API Token")
RECORD_MISSING = (404, 81044, "Record does not exist.")
IDENTICAL = (400, 81058, "An identical record already exists.")
HOST_TAKEN = (400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
CNAME_TAKEN = (400, 81054, "A CNAME record with that host already exists.")
