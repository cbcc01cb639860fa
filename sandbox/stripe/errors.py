"""Stripe's error answers."""

from __future__ import annotations

from typing import Any

from sandbox.types import Json


class StripeError(Exception):
    """An answer other than 200, in Stripe's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        fields = {
            "code": code,
            "message": message,
            "param": param,
            "type": kind,
            **more,
        }
        self.error: Json = {key: value for key, value in fields.items() if value is not None}

    def body(self, request_id: str | None = None) -> Json:
        """Return the document that Stripe would send."""
        error = dict(self.error)
        if request_id:
            error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(kind: str, object_id: str, param: str, status: int = 404) -> StripeError:
    """The object that was named does not exist."""
    name = kind.rsplit(".", 1)[-1] if kind != "checkout.session" else "checkout.session"
    message = f"No such {name}: '{object_id}'"
    return StripeError(status, message, code="resource_missing", param=param)


def parameter_missing(param: str) -> StripeError:
    """A parameter that must be there is not."""
    message = f"Missing required param: {param}."
    return StripeError(400, message, code="parameter_missing", param=param)


def parameter_unknown(params: list[str]) -> StripeError:
    """Parameters that this endpoint does not know (or that the sandbox cannot honour)."""
    plural = "s" if len(params) > 1 else ""
    message = f"Received unknown parameter{plural}: {', '.join(params)}"
    return StripeError(400, message, code="parameter_unknown", param=params[0])


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A request that is understood and refused."""
    return StripeError(400, message, code=code, param=param)


def card_declined(decline_code: str, message: str, **more: Any) -> StripeError:
    """The card's bank said no."""
    code = decline_code if decline_code in ("expired_card", "incorrect_cvc") else "card_declined"
    return StripeError(
        402, message, kind="card_error", code=code, decline_code=decline_code, **more
    )
