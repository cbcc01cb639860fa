"""Content security policy: strict, with two named exceptions that end where their paths end."""

from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest


class PolicyMiddleware(CSPMiddleware):
    """Loosens the policy below the paths in CONTENT_SECURITY_POLICY_BY_PATH, nowhere else."""

    def get_policy_parts(
        self, request: HttpRequest, response: Any, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        for path, directives in settings.CONTENT_SECURITY_POLICY_BY_PATH.items():
            if request.path_info.startswith(path):
                parts.replace = {**directives, **(parts.replace or {})}
        return parts
