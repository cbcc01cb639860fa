"""One shape for every error of the API."""

import logging
from typing import Any

from django.db import OperationalError
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from wopr.common.correlation import current_id
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turns any error into {code, message, fields, reference}; unknown ones stay Django's."""
    if isinstance(error, Refused):
        fields = {error.field: [error.message]} if error.field else {}
        return _answer(error.status, error.code, error.message, fields)
    if isinstance(error, ProviderError):
        logger.warning("provider error answered to the caller: %s", error)
        return _answer(503, "provider_unavailable", f"{error}. Nothing was changed; try again.")
    if isinstance(error, OperationalError):
        logger.exception("database error answered to the caller")
        return _answer(503, "database_unavailable", "The database is away. Nothing was changed.")
    return _framework_problem(error, context)


def _framework_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    response = exception_handler(error, context)
    if response is None:
        return None
    code, message = "error", "The request was refused."
    if isinstance(error, exceptions.ValidationError):
        fields = _fields(response.data)
        first = next((texts[0] for texts in fields.values()), "The input is not valid.")
        body = problem_body(_first_code(error.get_codes()), first, fields)
    else:
        if isinstance(error, exceptions.APIException):
            code, message = str(error.get_codes()), str(error.detail)
        else:
            code, message = _django_error(response.status_code)
        body = problem_body(code, message)
    response.data = body
    return response


def _django_error(status_code: int) -> tuple[str, str]:
    if status_code == status.HTTP_404_NOT_FOUND:
        return "not_found", "There is nothing here that you may see."
    return "permission_denied", "You may not do this."


def _fields(data: Any) -> dict[str, list[str]]:
    if isinstance(data, list):
        return {"non_field_errors": [str(item) for item in data]}
    return {
        str(name): [str(text) for text in (texts if isinstance(texts, list) else [texts])]
        for name, texts in data.items()
    }


def _first_code(codes: Any) -> str:
    while isinstance(codes, dict | list):
        codes = next(iter(codes.values() if isinstance(codes, dict) else codes), "invalid")
    return str(codes)


def problem_body(
    code: str, message: str, fields: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """The one shape; `reference` finds the request in the logs."""
    return {"code": code, "message": message, "fields": fields or {}, "reference": current_id()}


def _answer(
    status_code: int, code: str, message: str, fields: dict[str, list[str]] | None = None
) -> Response:
    return Response(problem_body(code, message, fields), status=status_code)
