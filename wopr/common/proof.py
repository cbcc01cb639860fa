"""What the person behind a request has proved in this session, and how long ago."""

import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

_HOUR = 3600


def has_second_factor(request: HttpRequest) -> bool:
    """Whether a second factor was given in this session, not too many hours ago."""
    return _proved_within(request, settings.WOPR_STAFF_PROOF_HOURS * _HOUR, {"mfa"})


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password or a second factor was given a moment ago.

    Who has no password, but comes by single sign-on, proves it there.
    """
    user: Any = request.user
    methods = {"mfa", "password"}
    if user.is_authenticated and not user.has_usable_password():
        methods.add("socialaccount")
    return _proved_within(request, settings.ACCOUNT_REAUTHENTICATION_TIMEOUT, methods)


def _proved_within(request: HttpRequest, seconds: int, methods: set[str]) -> bool:
    user: Any = request.user
    records = get_authentication_records(request, user if user.is_authenticated else None)
    since = time.time() - seconds
    return any(record["method"] in methods and record["at"] > since for record in records)
