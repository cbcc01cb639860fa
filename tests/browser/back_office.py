"""What happens outside the browser in these tests: at Stripe, at the bank, on the engine."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from docker import DockerClient

from sandbox.control import FAILING_CARD, SandboxControl
from tests.browser.customer import Customer


class BackOffice:
    """The vendors and machines behind one stack."""

    def __init__(self, stack: dict[str, Any]) -> None:
        self.environment = stack["environment"]
        self.sandbox = SandboxControl.of(stack)
        self._stripe = httpx.Client(
            base_url=f"{self.environment['STRIPE_API_URL']}/v1/",
            auth=(self.environment["STRIPE_SECRET_KEY"], ""),
            trust_env=False,
        )

    def close(self) -> None:
        self.sandbox.close()
        self._stripe.close()

    def payment_fails(self, customer: Customer) -> None:
        """The card stops working, and the next period begins half a minute from now."""
        person = self._one("customers", email=customer.email)
        self.sandbox.set_card(person["id"], FAILING_CARD)
        subscription = self._one("subscriptions", customer=person["id"])
        form = {"trial_end": self.sandbox.now() + 30}
        self._stripe.post(f"subscriptions/{subscription['id']}", data=form).raise_for_status()
        self.sandbox.advance_clock(timedelta(seconds=31))

    def subscriptions(self, customer: Customer) -> list[Any]:
        person = self._one("customers", email=customer.email)
        return self._all("subscriptions", customer=person["id"], status="all")

    def memory_mb(self, customer: Customer) -> int:
        """What the engine lets the customer's bot use."""
        engine = DockerClient(base_url=self.environment["WOPR_STACK_ENGINE"])
        try:
            name = f"wopr-bot-{self._bot_of(customer).replace('-', '')}"
            attributes: Any = engine.containers.get(name).attrs
            return int(attributes["HostConfig"]["Memory"]) // 2**20
        finally:
            engine.close()

    def joins(self, person: Customer, owner: Customer, role: str) -> None:
        """Makes a person a member of the owner's tenant, as staff can."""
        self._write(
            """INSERT INTO tenants_membership (id, created_at, updated_at, role, tenant_id, user_id)
            SELECT %s, now(), now(), %s, tenant.id, member.id
            FROM tenants_tenant tenant, tenants_user member
            WHERE tenant.slug = %s AND member.email = %s""",
            (uuid4(), role, owner.slug, person.email),
        )

    def looks_as(self, customer: Customer) -> None:
        """Somebody of the staff looks at the dashboard as the customer."""
        self._write(
            """INSERT INTO tenants_impersonation (id, created_at, updated_at, reason,
            ends_at, staff_id, person_id)
            SELECT %s, now(), now(), 'ticket 12', now() + interval '30 minutes', staff.id,
            person.id FROM tenants_user staff, tenants_user person
            WHERE staff.email = %s AND person.email = %s""",
            (uuid4(), customer.stack["staff_email"], customer.email),
        )

    def is_held(self, owner: Customer) -> None:
        """Staff suspend a tenant for a reason of their own."""
        self._write(
            """INSERT INTO billing_hold (id, created_at, updated_at, reason, note, placed_by,
            lifted_by, lift_note, tenant_id) SELECT %s, now(), now(), 'staff', 'a secret reason',
            'staff', '', '', id FROM tenants_tenant WHERE slug = %s""",
            (uuid4(), owner.slug),
        )

    def _bot_of(self, customer: Customer) -> str:
        with psycopg.connect(self.environment["DATABASE_URL"]) as database:
            query = "SELECT id FROM fleet_instance WHERE slug = %s"
            row = database.execute(query, (customer.slug,)).fetchone()
        assert row is not None, f"there is no bot {customer.slug}"
        return str(row[0])

    def _write(self, query: Any, values: tuple[Any, ...]) -> None:
        with psycopg.connect(self.environment["DATABASE_URL"]) as database:
            assert database.execute(query, values).rowcount == 1

    def _one(self, path: str, **query: Any) -> Any:
        (found,) = self._all(path, **query)
        return found

    def _all(self, path: str, **query: Any) -> list[Any]:
        answer = self._stripe.get(path, params=query).raise_for_status().json()
        return list(answer["data"])
