"""Authentik's API, version 3: people, groups, applications. Source: its OpenAPI document, 2026.5.

Spoken by httpx, since the vendor's client costs 157 MB and seven seconds to import.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx
from django.conf import settings

from wopr.common import http
from wopr.common.answers import understood
from wopr.common.errors import ProviderError

VENDOR = "Authentik"
_PAGE = {"page_size": 100}
_SCOPES = tuple(
    f"goauthentik.io/providers/oauth2/scope-{s}" for s in ("openid", "email", "profile")
)


@dataclass(frozen=True)
class Person:
    """Somebody whom Authentik knows."""

    pk: int
    username: str
    email: str
    groups: tuple[str, ...]
    uid: str  # what Authentik calls them by where they log in


@dataclass(frozen=True)
class Group:
    pk: str
    name: str
    members: tuple[Person, ...]


@dataclass(frozen=True)
class Application:
    """Something that people open with their single sign-on, and the OAuth2 provider behind it."""

    pk: str
    launch_url: str
    provider: int | None


@dataclass(frozen=True)
class Provider:
    pk: int
    redirects: tuple[str, ...]


@understood(VENDOR)
class Authentik:
    """Raises ProviderError. Everything is found by the name that it was made with."""

    def __init__(self, *, url: str, token: str) -> None:
        self._session = http.client(url, headers={"Authorization": f"Bearer {token}"})

    def person(self, username: str) -> Person | None:
        found = self._list("core/users/", username=username)
        return _person(found[0]) if found else None

    def people_at(self, email: str) -> list[Person]:
        return [_person(item) for item in self._list("core/users/", email=email)]

    def people_in(self, group: str) -> list[Person]:
        """The active people of a group, and nobody when there is no such group."""
        query = {"groups_by_name": group, "is_active": "true"}
        return [_person(item) for item in self._list("core/users/", **query)]

    def person_create(self, *, username: str, email: str, name: str, path: str) -> Person:
        body = {"username": username, "email": email, "name": name, "path": path}
        return _person(self._call("POST", "core/users/", json={**body, "type": "external"}))

    def person_delete(self, pk: int) -> None:
        self._delete(f"core/users/{pk}/")

    def recovery_link(self, pk: int) -> str:
        """A link by which the person chooses a password, once. It is a secret: keep it nowhere."""
        return str(self._call("POST", f"core/users/{pk}/recovery/", json={})["link"])

    def group(self, name: str) -> Group | None:
        found = self._list("core/groups/", name=name)
        return _group(found[0]) if found else None

    def groups_beginning(self, prefix: str) -> list[Group]:
        found = [_group(item) for item in self._list("core/groups/", search=prefix)]
        return [group for group in found if group.name.startswith(prefix)]

    def group_create(self, name: str) -> Group:
        return _group(self._call("POST", "core/groups/", json={"name": name}))

    def group_delete(self, pk: str) -> None:
        self._delete(f"core/groups/{pk}/")

    def group_add(self, group: str, person: int) -> None:
        self._call("POST", f"core/groups/{group}/add_user/", json={"pk": person})

    def group_remove(self, group: str, person: int) -> None:
        self._call("POST", f"core/groups/{group}/remove_user/", json={"pk": person})

    def provider(self, client_id: str) -> Provider | None:
        found = self._list("providers/oauth2/", client_id=client_id)
        return _provider(found[0]) if found else None

    def provider_create(self, *, name: str, redirect: str) -> Provider:
        """A confidential client whose id is its name, so that it is found by that."""
        body = {
            "name": name,
            "client_id": name,
            "client_type": "confidential",
            "authorization_flow": self._flow(settings.AUTHENTIK_AUTHORIZATION_FLOW),
            "invalidation_flow": self._flow(settings.AUTHENTIK_INVALIDATION_FLOW),
            "property_mappings": self._mappings(),
            "redirect_uris": _redirects(redirect),
        }
        return _provider(self._call("POST", "providers/oauth2/", json=body))

    def provider_redirect(self, pk: int, redirect: str) -> None:
        body = {"redirect_uris": _redirects(redirect)}
        self._call("PATCH", f"providers/oauth2/{pk}/", json=body)

    def provider_delete(self, pk: int) -> None:
        self._delete(f"providers/oauth2/{pk}/")

    def application(self, slug: str) -> Application | None:
        found = self._call("GET", f"core/applications/{slug}/", absent_is_fine=True)
        return _application(found) if found else None

    def application_create(self, *, slug: str, name: str, url: str) -> Application:
        body = {"slug": slug, "name": name, "meta_launch_url": url}
        return _application(self._call("POST", "core/applications/", json=body))

    def application_update(self, slug: str, *, name: str, provider: int, url: str) -> None:
        body = {"name": name, "provider": provider, "meta_launch_url": url}
        self._call("PATCH", f"core/applications/{slug}/", json=body)

    def application_delete(self, slug: str) -> None:
        self._delete(f"core/applications/{slug}/")

    def bound_groups(self, application: str) -> list[str]:
        """Primary keys of the groups that may open the application."""
        found = self._list("policies/bindings/", target=application)
        return [item["group"] for item in found if item["group"]]

    def bind(self, *, application: str, group: str) -> None:
        body = {"target": application, "group": group, "order": 0}
        self._call("POST", "policies/bindings/", json=body)

    def _flow(self, slug: str) -> str:
        found = self._call("GET", f"flows/instances/{slug}/", absent_is_fine=True)
        if not found:
            raise ProviderError(f"Authentik has no flow {slug}: see .env.example.", permanent=True)
        return str(found["pk"])

    def _mappings(self) -> list[str]:
        """The scopes that every Authentik comes with."""
        found = self._list("propertymappings/provider/scope/", managed=list(_SCOPES))
        return [item["pk"] for item in found]

    def _list(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Follows the pages to the end."""
        found: list[dict[str, Any]] = []
        page = 1
        while page:
            answer = self._call("GET", path, params={**_PAGE, **query, "page": page})
            found += answer["results"]
            page = answer["pagination"]["next"]
        return found

    def _delete(self, path: str) -> None:
        """What is gone already is no error."""
        self._call("DELETE", path, absent_is_fine=True)

    def _call(
        self, method: str, path: str, *, absent_is_fine: bool = False, **options: Any
    ) -> dict[str, Any]:
        response = http.request(self._session, VENDOR, method, path, **options)
        if response.status_code == httpx.codes.NOT_FOUND and absent_is_fine:
            return {}
        if response.is_success:
            return _document(response)
        raise _refusal(response, f"{method} {path}")


def is_configured() -> bool:
    return bool(settings.AUTHENTIK_URL and settings.AUTHENTIK_API_TOKEN)


@lru_cache(maxsize=2)
def _account(url: str, token: str) -> Authentik:
    return Authentik(url=f"{url}/api/v3/", token=token)


def account() -> Authentik:
    """The configured installation; the connection is kept between calls."""
    return _account(settings.AUTHENTIK_URL, settings.AUTHENTIK_API_TOKEN)


def _document(response: httpx.Response) -> dict[str, Any]:
    if not response.content:
        return {}
    try:
        answer = response.json()
    except ValueError as error:
        raise ProviderError(f"Authentik answered {response.status_code}, not JSON") from error
    if not isinstance(answer, dict):
        raise ProviderError(f"Authentik answered {response.status_code}, not with an object")
    return answer


def _refusal(response: httpx.Response, call: str) -> ProviderError:
    """What exists already was made meanwhile by a request that was thought lost: look again."""
    said = " ".join(response.text.split())[:200]
    if response.status_code == httpx.codes.FORBIDDEN:
        said += " (check AUTHENTIK_API_TOKEN and its rights)"
    is_there = "already exists" in said or "must be unique" in said
    return ProviderError(f"Authentik refused {call}: {said}", permanent=not is_there)


def _redirects(url: str) -> list[dict[str, str]]:
    return [{"matching_mode": "strict", "url": url}]


def _person(item: dict[str, Any]) -> Person:
    groups = tuple(item.get("groups") or ())
    return Person(
        item["pk"], item["username"], item.get("email") or "", groups, item.get("uid") or ""
    )


def _group(item: dict[str, Any]) -> Group:
    members = tuple(_person(member) for member in item.get("users_obj") or ())
    return Group(str(item["pk"]), item["name"], members)


def _provider(item: dict[str, Any]) -> Provider:
    return Provider(item["pk"], tuple(uri["url"] for uri in item["redirect_uris"]))


def _application(item: dict[str, Any]) -> Application:
    return Application(item["pk"], item.get("meta_launch_url") or "", item.get("provider"))
