"""Shared parts of the suite: people, their things, and the real services around them.

The suite runs among real parts (`make test`): PostgreSQL, a Redis-compatible server, Caddy, Docker
Engine, a registry and the sandbox's vendors, all named by the environment.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from django.http import HttpRequest
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as effort
from rest_framework.test import APIClient

from billing.models import Plan, Price
from fleet.models import Instance, Node
from tenants import services as tenant_services
from tenants.models import Membership, Tenant, User

# A busy machine is no fault of what is tried on it.
effort.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
effort.load_profile("any machine")
PASSWORD = "correct horse battery staple"  # (of people who do not exist)


def pytest_configure(config: pytest.Config) -> None:
    if "WOPR_STACK_ENGINE" not in os.environ:
        raise pytest.UsageError("The tests need the parts around them: run `make test`.")


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """dj-stripe's migrations take minutes; all tables are made from the models for the tests.

    That the migrations say what the models say is a test of its own, and one flow test runs them.
    """
    from django.apps import apps
    from django.conf import settings

    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """Empties the tables after a test with real commits by DELETE.

    TRUNCATE of two hundred tables takes seconds; DELETE of a handful of rows takes none. What
    Django derives from the models (content types, permissions) stays and need not be made again.
    """
    from django.core.management.commands import flush
    from django.db.backends.postgresql.operations import DatabaseOperations

    derived = {"django_content_type", "auth_permission"}

    def sql_flush(operations: Any, style: Any, tables: Any, **_: Any) -> list[str]:
        quoted = [operations.quote_name(table) for table in sorted(set(tables) - derived)]
        deletions = [f"DELETE FROM {table};" for table in quoted]
        # The order of foreign keys does not matter where everything goes.
        return ["SET LOCAL session_replication_role = replica;", *deletions]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """Real hashing takes most of a second for each of the people below."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def person(email: str) -> User:
    """Somebody with an account, and mail seen to arrive."""
    user = User.objects.create_user(email, PASSWORD)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def joined(tenant: Tenant, name: str, role: str) -> User:
    """Somebody who belongs to the tenant."""
    user = person(f"{name}@example.com")
    Membership.objects.create(tenant=tenant, user=user, role=role)
    return user


@pytest.fixture
def alice(db: None) -> User:
    """Owns the tenant."""
    return person("alice@example.com")


@pytest.fixture
def bob(db: None, tenant: Tenant) -> User:
    """A member of Alice's tenant."""
    return joined(tenant, "bob", Membership.Role.MEMBER)


@pytest.fixture
def dora(tenant: Tenant) -> User:
    """Pays for Alice's tenant, and does nothing else in it."""
    return joined(tenant, "dora", Membership.Role.BILLING)


@pytest.fixture
def erin(tenant: Tenant) -> User:
    """An admin of Alice's tenant."""
    return joined(tenant, "erin", Membership.Role.ADMIN)


@pytest.fixture
def charlie(db: None) -> User:
    """A stranger, with an account and a tenant of his own."""
    charlie = person("charlie@example.com")
    tenant_services.tenant_create(owner=charlie, slug="charlie", name="Charlie")
    return charlie


@pytest.fixture
def tenant(alice: User) -> Tenant:
    return tenant_services.tenant_create(owner=alice, slug="alice-co", name="Alice & Co")


@pytest.fixture
def api(alice: User) -> APIClient:
    """The API as Alice, signed in."""
    return signed_in(alice)


def signed_in(user: User) -> APIClient:
    client = APIClient()
    let_in(client, user)
    return client


def let_in(client: Client, user: User) -> None:
    """Signs in with password and second factor, a moment ago."""
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    prove(client, user)


def prove(client: Client, user: User) -> None:
    """Gives a second factor, in the session that is there."""
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "mfa", type="totp", reauthenticated=True)
    request.session.save()


def with_key(text: str) -> APIClient:
    """The API as a program with a key."""
    return APIClient(headers={"Authorization": f"Bearer {text}"})


@pytest.fixture
def staff_client(db: None) -> Client:
    staff = User.objects.create_superuser("staff@example.com", PASSWORD)
    client = Client()
    let_in(client, staff)
    return client


@pytest.fixture
def plan(db: None) -> Plan:
    """A plan that is on sale, with a price that exists in name only."""
    plan = Plan.objects.create(
        code="small",
        name="Small",
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        stripe_product_id="wopr-small",
    )
    Price.objects.create(plan=plan, amount=900, stripe_price_id="price_small")
    return plan


@pytest.fixture
def node(db: None) -> Node:
    """This machine's container engine."""
    return Node.objects.create(
        name="local",
        engine_url=os.environ["WOPR_STACK_ENGINE"],
        address="127.0.0.1",
        memory_mb=8192,
    )


@pytest.fixture
def instance(tenant: Tenant, node: Node, settings: object) -> Instance:
    """A bot of Alice's that is a row and nothing else yet."""
    return Instance.objects.create(
        tenant=tenant,
        slug=tenant.slug,
        node=node,
        image=os.environ["WOPR_BOT_IMAGE"],
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        host_port=free_port(),
    )


def free_port() -> int:
    """A port of this stack's range that nobody listens on now."""
    return next(free_ports())


def free_ports() -> Iterator[int]:
    """All of them, for whoever needs several before anybody listens."""
    import socket

    first, last = (int(end) for end in os.environ["WOPR_PORT_RANGE"].split("-"))
    for port in range(first, last + 1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                yield port
    raise AssertionError("no free port")
