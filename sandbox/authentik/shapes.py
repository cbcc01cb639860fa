"""The answers' shapes, complete as Authentik's own document has them."""

from __future__ import annotations

import hashlib

from sandbox.authentik.world import AuthentikWorld, uuid_of
from sandbox.types import Json

_BORN = "2026-01-01T00:00:00Z"
_OF_PROVIDER = {
    "component": "ak-provider-oauth2-form",
    "verbose_name": "OAuth2/OpenID Provider",
    "verbose_name_plural": "OAuth2/OpenID Providers",
    "meta_model_name": "authentik_providers_oauth2.oauth2provider",
    "assigned_backchannel_application_slug": None,
    "assigned_backchannel_application_name": None,
}


def user(world: AuthentikWorld, row: Json) -> Json:
    """Return a person; what a password is made of stays inside."""
    groups = world.groups_of(row)
    return {
        **user_in_short(row),
        "date_joined": _BORN,
        "is_superuser": any(group.get("is_superuser") for group in groups),
        "groups": [group["pk"] for group in groups],
        "groups_obj": [group_in_short(group) for group in groups],
        "roles": [],
        "roles_obj": [],
        "avatar": "/static/dist/assets/images/user_default.png",
        "path": row["path"],
        "type": row["type"],
        "uuid": uuid_of(f"user:{row['pk']}"),
        "password_change_date": _BORN,
        "last_updated": _BORN,
    }


def user_in_short(row: Json) -> Json:
    """Return a person as a part of something else."""
    told = ("pk", "username", "name", "is_active", "email", "attributes")
    return {**{name: row[name] for name in told}, "last_login": None, "uid": uid_of(row)}


def uid_of(row: Json) -> str:
    """Return what a person is called by where they log in: Authentik's hashed user id."""
    return hashlib.sha256(f"{row['pk']}-sandbox".encode()).hexdigest()


def group(world: AuthentikWorld, row: Json) -> Json:
    """Return a group with its people."""
    members = [world.users[str(pk)] for pk in row["users"]]
    return {
        **group_in_short(row),
        "parents": [],
        "parents_obj": [],
        "users": row["users"],
        "users_obj": [user_in_short(member) for member in members],
        "roles": [],
        "roles_obj": [],
        "inherited_roles_obj": [],
        "children": [],
        "children_obj": [],
    }


def group_in_short(row: Json) -> Json:
    """Return a group as a part of something else."""
    return {
        "pk": row["pk"],
        "num_pk": row["num_pk"],
        "name": row["name"],
        "is_superuser": row.get("is_superuser", False),
        "attributes": row.get("attributes", {}),
    }


def provider(world: AuthentikWorld, row: Json) -> Json:
    """Return an OAuth2 provider."""
    return {
        **_provider_in_short(world, row),
        "client_type": row.get("client_type", "confidential"),
        "client_id": row["client_id"],
        "client_secret": row["client_secret"],
        "access_code_validity": "minutes=1",
        "access_token_validity": "minutes=5",
        "refresh_token_validity": "days=30",
        "refresh_token_threshold": "hours=1",
        "include_claims_in_id_token": True,
        "signing_key": row.get("signing_key"),
        "encryption_key": None,
        "redirect_uris": row["redirect_uris"],
        "logout_method": "backchannel",
        "sub_mode": row.get("sub_mode", "hashed_user_id"),
        "issuer_mode": "per_provider",
        "jwt_federation_sources": [],
        "jwt_federation_providers": [],
    }


def _provider_in_short(world: AuthentikWorld, row: Json) -> Json:
    application = world.application_of(row) or {"slug": None, "name": None}
    return {
        **_OF_PROVIDER,
        "pk": row["pk"],
        "name": row["name"],
        "authentication_flow": None,
        "authorization_flow": row["authorization_flow"],
        "invalidation_flow": row["invalidation_flow"],
        "property_mappings": row.get("property_mappings", []),
        "assigned_application_slug": application["slug"],
        "assigned_application_name": application["name"],
    }


def application(world: AuthentikWorld, row: Json) -> Json:
    """Return an application."""
    used = world.providers.get(str(row["provider"]))
    return {
        "pk": row["pk"],
        "name": row["name"],
        "slug": row["slug"],
        "provider": row["provider"],
        "provider_obj": _provider_in_short(world, used) if used else None,
        "backchannel_providers": [],
        "backchannel_providers_obj": [],
        "launch_url": row.get("meta_launch_url") or None,
        "open_in_new_tab": False,
        "meta_launch_url": row.get("meta_launch_url", ""),
        "meta_icon_url": None,
        "meta_icon_themed_urls": None,
        "meta_description": row.get("meta_description", ""),
        "meta_publisher": row.get("meta_publisher", ""),
        "policy_engine_mode": "any",
        "group": row.get("group", ""),
    }


def binding(world: AuthentikWorld, row: Json) -> Json:
    """Return what ties a group or a person to an application."""
    bound, person = world.groups.get(row["group"] or ""), world.users.get(str(row["user"]))
    return {
        "pk": row["pk"],
        "policy": None,
        "group": row["group"],
        "user": row["user"],
        "policy_obj": None,
        "group_obj": group_in_short(bound) if bound else None,
        "user_obj": user_in_short(person) if person else None,
        "target": row["target"],
        "negate": False,
        "enabled": True,
        "order": row["order"],
        "timeout": 30,
        "failure_result": False,
    }
