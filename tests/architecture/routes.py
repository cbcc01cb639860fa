"""Every route of the API as the URL configuration has it, not as somebody remembers it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from tenants.api.access import Allowed, right_of
from wopr.common.permissions import Public, StaffRight

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    path: str  # as the URL configuration spells it: api/v1/tenants/<uuid:tenant_id>
    view: Any

    @property
    def view_class(self) -> Any:
        return getattr(self.view, "cls", None)

    def answers(self, method: str) -> bool:
        return hasattr(self.view_class, method.lower())

    def rules(self, method: str) -> bool:
        """Whether anybody may come, or it is decided by the right that is declared."""
        given = getattr(self.view, "initkwargs", {})
        permissions = given.get("permission_classes", self.view_class.permission_classes)
        if tuple(permissions) == (Public,):
            return True
        if tuple(permissions) == (StaffRight,):
            return method in self.view_class.rights
        return tuple(permissions) == (Allowed,) and right_of(self.view_class, method) is not None

    def methods(self, address: str) -> list[str]:
        """What it answers to; a view that is a function has to be asked."""
        if self.view_class is not None and issubclass(self.view_class, APIView):
            return [m for m in METHODS if hasattr(self.view_class, m.lower())]
        refused = 405
        client = Client()
        return [m for m in METHODS if client.generic(m, address).status_code != refused]


def api_routes() -> list[Route]:
    routes = _walk(get_resolver(), "")
    return [route for route in routes if route.path.startswith("api/") or route.path == "fleet"]


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield Route(path.lstrip("^"), entry.callback)
        else:
            yield from _walk(entry, path)
