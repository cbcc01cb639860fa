"""Answers to what no view answers: JSON for clients of the API, pages for people."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

from wopr.common.errors import ProviderError
from wopr.common.problems import problem_body

logger = logging.getLogger(__name__)
MAIL_AWAY = (
    "Our mail server does not answer, so the letter to you was not sent. What you have typed is not"
    " lost: sign in, or ask again, in some minutes, and another letter comes."
)


class MailAwayMiddleware:
    """Pages about accounts say when their letter could not go out, in allauth's shape.

    The same words to everybody: whether an account exists is not to be learned from an outage.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, ProviderError) or not request.path_info.startswith("/_allauth/"):
            return None
        logger.error("a letter about an account was not sent: %s", error)
        errors = [{"code": "mail_away", "message": MAIL_AWAY}]
        return JsonResponse({"status": 503, "errors": errors}, status=503)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _problem(400, "bad_request", "The request could not be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _problem(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_api(request):
        return _problem(404, "not_found", "There is nothing here that you may see.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if _is_api(request):
        return _problem(500, "server_error", "Something went wrong on our side.")
    return defaults.server_error(request)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _problem(status: int, code: str, message: str) -> HttpResponse:
    return JsonResponse(problem_body(code, message), status=status)
