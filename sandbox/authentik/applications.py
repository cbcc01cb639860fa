"""Applications, the OAuth2 providers behind them, and who is bound to them."""

from __future__ import annotations

import re
import secrets
from uuid import uuid4

from sandbox.authentik import shapes
from sandbox.authentik.call import Answer, Call, Table, given, listed, matching, row_at
from sandbox.authentik.errors import invalid, missing
from sandbox.authentik.world import (
    DEFAULT_CERTIFICATE,
    FLOWS,
    SCOPES,
    AuthentikWorld,
    uuid_of,
)
from sandbox.types import Json

_OF_PROVIDER = (
    "name",
    "authorization_flow",
    "invalidation_flow",
    "redirect_uris",
    "property_mappings",
    "signing_key",
    "client_type",
    "sub_mode",
    "client_id",
    "client_secret",
)
_OF_APPLICATION = ("name", "slug", "provider", "meta_launch_url", "meta_description", "group")


def providers_list(call: Call) -> Answer:
    """GET /providers/oauth2/."""
    found = matching(call, call.world.providers, "name", "client_id")
    return listed(call, found, shapes.provider)


def provider_create(call: Call) -> Answer:
    """POST /providers/oauth2/: name and client id are unique."""
    world, body = call.world, call.body
    for needed in ("name", "authorization_flow", "invalidation_flow", "redirect_uris"):
        if not body.get(needed):
            raise invalid(needed, "This field is required.")
    for flow in ("authorization_flow", "invalidation_flow"):
        if body[flow] not in {uuid_of(name) for name in FLOWS}:
            raise invalid(flow, f"Invalid pk “{body[flow]}” - object does not exist.")
    row: Json = {
        "client_id": secrets.token_hex(20),
        "client_secret": secrets.token_hex(64),
        **given(call, _OF_PROVIDER),
        "pk": world.next_number(),
    }
    for unique in ("name", "client_id"):
        if any(other[unique] == row[unique] for other in world.providers.values()):
            raise invalid(unique, "OAuth2/OpenID Provider with this value already exists.")
    world.providers[str(row["pk"])] = row
    return 201, shapes.provider(world, row)


def provider_get(call: Call) -> Answer:
    """GET /providers/oauth2/{id}/."""
    return 200, shapes.provider(call.world, _provider(call))


def provider_update(call: Call) -> Answer:
    """PATCH /providers/oauth2/{id}/."""
    row = _provider(call)
    row.update(given(call, _OF_PROVIDER))
    return 200, shapes.provider(call.world, row)


def provider_delete(call: Call) -> Answer:
    """DELETE /providers/oauth2/{id}/: the application stays, without one."""
    world, row = call.world, _provider(call)
    application = world.application_of(row)
    if application is not None:
        application["provider"] = None
    del world.providers[str(row["pk"])]
    return 204, None


def applications_list(call: Call) -> Answer:
    """GET /core/applications/."""
    found = matching(call, call.world.applications, "slug")
    return listed(call, found, shapes.application)


def application_create(call: Call) -> Answer:
    """POST /core/applications/: the slug is unique, and a provider serves one application."""
    world, body = call.world, call.body
    for needed in ("name", "slug"):
        if not body.get(needed):
            raise invalid(needed, "This field is required.")
    if not re.fullmatch(r"[-a-zA-Z0-9_]+", body["slug"]):
        raise invalid("slug", "Enter a valid “slug”.")
    if body["slug"] in world.applications:
        raise invalid("slug", "Application with this slug already exists.")
    number = body.get("provider")
    if number is not None and str(number) not in world.providers:
        raise invalid("provider", f"Invalid pk “{number}” - object does not exist.")
    if number is not None and world.application_of(world.providers[str(number)]):
        raise invalid("provider", "Application with this provider already exists.")
    row: Json = {"provider": None, **given(call, _OF_APPLICATION), "pk": str(uuid4())}
    world.applications[row["slug"]] = row
    return 201, shapes.application(world, row)


def application_get(call: Call) -> Answer:
    """GET /core/applications/{slug}/."""
    return 200, shapes.application(call.world, _application(call))


def application_update(call: Call) -> Answer:
    """PATCH /core/applications/{slug}/."""
    row = _application(call)
    row.update(given(call, _OF_APPLICATION))
    return 200, shapes.application(call.world, row)


def application_delete(call: Call) -> Answer:
    """DELETE /core/applications/{slug}/: its bindings go with it, its provider stays."""
    world, row = call.world, _application(call)
    del world.applications[row["slug"]]
    world.unbind("target", row)
    return 204, None


def bindings_list(call: Call) -> Answer:
    """GET /policies/bindings/."""
    return listed(call, matching(call, call.world.bindings, "target"), shapes.binding)


def binding_create(call: Call) -> Answer:
    """POST /policies/bindings/: one of group and user, to an application."""
    world, body = call.world, call.body
    if body.get("target") not in {row["pk"] for row in world.applications.values()}:
        raise invalid("target", f"Invalid pk “{body.get('target')}” - object does not exist.")
    if "order" not in body:
        raise invalid("order", "This field is required.")
    if (body.get("group") is None) == (body.get("user") is None):
        raise invalid("non_field_errors", "One of 'policy', 'group', 'user' must be set.")
    if body.get("group") is not None and body["group"] not in world.groups:
        raise invalid("group", f"Invalid pk “{body['group']}” - object does not exist.")
    row: Json = {name: body.get(name) for name in ("group", "user", "target", "order")}
    row["pk"] = str(uuid4())
    world.bindings[row["pk"]] = row
    return 201, shapes.binding(world, row)


def flow_get(call: Call) -> Answer:
    """GET /flows/instances/{slug}/."""
    slug = call.parts["slug"]
    if slug not in FLOWS:
        raise missing("Flow")
    return 200, {"pk": uuid_of(slug), "slug": slug, "name": slug, "title": slug}


def mappings_list(call: Call) -> Answer:
    """GET /propertymappings/provider/scope/."""
    wanted = call.query.getlist("managed")
    rows: list[Json] = [
        {
            "pk": uuid_of(f"scope-{scope}"),
            "managed": f"goauthentik.io/providers/oauth2/scope-{scope}",
            "name": f"authentik default OAuth Mapping: OpenID '{scope}'",
            "scope_name": scope,
        }
        for scope in SCOPES
    ]
    return listed(call, [r for r in rows if not wanted or r["managed"] in wanted], _as_it_is)


def certificates_list(call: Call) -> Answer:
    """GET /crypto/certificatekeypairs/."""
    row = {"pk": uuid_of(DEFAULT_CERTIFICATE), "name": DEFAULT_CERTIFICATE}
    return listed(call, [row] if call.query.get("name") in (None, row["name"]) else [], _as_it_is)


def _as_it_is(_: AuthentikWorld, row: Json) -> Json:
    return row


def _provider(call: Call) -> Json:
    return row_at(call, call.world.providers, "id", "OAuth2Provider")


def _application(call: Call) -> Json:
    return row_at(call, call.world.applications, "slug", "Application")


TABLE: Table = [
    ("GET", "/providers/oauth2/", providers_list),
    ("POST", "/providers/oauth2/", provider_create),
    ("GET", "/providers/oauth2/{id}/", provider_get),
    ("PATCH", "/providers/oauth2/{id}/", provider_update),
    ("DELETE", "/providers/oauth2/{id}/", provider_delete),
    ("GET", "/core/applications/", applications_list),
    ("POST", "/core/applications/", application_create),
    ("GET", "/core/applications/{slug}/", application_get),
    ("PATCH", "/core/applications/{slug}/", application_update),
    ("DELETE", "/core/applications/{slug}/", application_delete),
    ("GET", "/policies/bindings/", bindings_list),
    ("POST", "/policies/bindings/", binding_create),
    ("GET", "/flows/instances/{slug}/", flow_get),
    ("GET", "/propertymappings/provider/scope/", mappings_list),
    ("GET", "/crypto/certificatekeypairs/", certificates_list),
]
