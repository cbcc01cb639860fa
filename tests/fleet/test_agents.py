"""Agents do to servers and keys what their person may do, and destroy nothing unannounced."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from fleet import provider_watch
from fleet.agents import plans
from fleet.models import AgentPlan, Instance, Node, Operation, Server
from fleet.providers.hetzner import provider
from tenants.models import User
from tests.fleet.agents import Agent, staff
from tests.providers.vendors import Vendor, empty_providers, sandboxes
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)
RIGHTS = (
    "fleet.view_server", "fleet.add_server", "fleet.change_server", "fleet.view_catalogueoffer",
    "fleet.view_providerhealth", "fleet.change_providerhealth",
)  # fmt: skip
KEY = "ssh-ed25519 " + b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"a" * 32).decode()
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def hetzner() -> Iterator[Vendor]:
    empty_providers()
    with sandboxes() as control:
        yield Vendor(control, "hetzner")
    empty_providers()


@pytest.fixture
def agent(hetzner: Vendor, db: None) -> Agent:
    return Agent(staff("olga@example.com", *RIGHTS))


@pytest.fixture
def server(hetzner: Vendor, db: None) -> Server:
    """One that is ready, with its machine at the provider."""
    hetzner.behave(create_seconds=0, action_seconds=0)
    machine = provider().create(hetzner.order())
    return Server.objects.create(
        provider="hetzner", region=hetzner.region, size=hetzner.size, status="ready",
        provider_id=machine.id, memory_mb=4096, cpus=2, disk_gb=40, hourly="0.006",
        monthly="3.79", currency="EUR",
    )  # fmt: skip


def untouched(server: Server, hetzner: Vendor) -> bool:
    """Whether it is there as ever, and nothing is about to happen to it."""
    server.refresh_from_db()
    is_there = [str(machine["id"]) for machine in hetzner.machines()] == [server.provider_id]
    return is_there and server.status == "ready" and not Operation.objects.exists()


def planned(agent: Agent, server: Server) -> str:
    return str(agent.call("destroy_server", server_id=str(server.pk), dry_run=True)["plan_id"])


def test_an_agent_orders_what_is_on_offer_and_the_order_says_whose_it_is(
    agent: Agent, hetzner: Vendor
) -> None:
    provider_watch.read_catalogue("hetzner")
    offer = agent.call("list_offers", provider="hetzner", region=hetzner.region)[0]

    wanted = {name: offer[name] for name in ("provider", "region", "size")}
    assert "costs money" in agent.refusal("order_server", **wanted)
    plan = agent.call("order_server", **wanted, dry_run=True)
    assert f"costs {offer['monthly']}" in plan["effects"]
    assert not Server.objects.exists()

    ordered = agent.call("order_server", **wanted, plan_id=plan["plan_id"])

    again = agent.refusal("order_server", **wanted, plan_id=plan["plan_id"])
    assert "used already" in again
    assert [row["id"] for row in agent.call("list_servers")] == [ordered["id"]]
    operation = Operation.objects.get(subject_id=ordered["id"])
    assert (operation.kind, operation.cause) == ("server_create", f"mcp: {agent.user.pk}")
    assert LogEntry.objects.get(object_id=ordered["id"]).user == agent.user


def test_an_order_whose_price_changed_meanwhile_needs_another_plan(
    agent: Agent, hetzner: Vendor
) -> None:
    provider_watch.read_catalogue("hetzner")
    wanted = {"provider": "hetzner", "region": hetzner.region, "size": hetzner.size}
    plan = agent.call("order_server", **wanted, dry_run=True)
    hetzner.behave(price_percent=200)
    provider_watch.read_catalogue("hetzner")
    said = agent.refusal("order_server", **wanted, plan_id=plan["plan_id"])
    assert "changed meanwhile" in said
    assert not Server.objects.exists()


def test_what_is_not_on_offer_is_refused_in_words(agent: Agent, hetzner: Vendor) -> None:
    provider_watch.read_catalogue("hetzner")
    said = agent.refusal("order_server", provider="hetzner", region="moon", size=hetzner.size)
    assert "hetzner has no region moon" in said
    assert not Server.objects.exists()


def test_a_reboot_is_an_operation_of_the_persons(agent: Agent, server: Server) -> None:
    told = agent.call("reboot_server", server_id=str(server.pk))
    operation = Operation.objects.get(pk=told["operation"])
    assert (operation.kind, operation.cause) == ("server_reboot", f"mcp: {agent.user.pk}")


def test_whoever_has_no_rights_is_refused_by_every_tool(server: Server, hetzner: Vendor) -> None:
    agent = Agent(staff("nora@example.com"))
    tools = agent.tools()
    assert len(tools) == 12
    for name, tool in tools.items():
        given = {field: str(server.pk) for field in tool.input_schema.get("required", [])}
        assert "You need the right" in agent.refusal(name, **given), name
    assert untouched(server, hetzner)


def test_whoever_may_only_look_can_only_look(server: Server, hetzner: Vendor) -> None:
    agent = Agent(staff("lena@example.com", "fleet.view_server"))
    assert agent.call("list_servers")[0]["id"] == str(server.pk)
    for name in ("reboot_server", "destroy_server"):
        said = agent.refusal(name, server_id=str(server.pk))
        assert "You need the right fleet.change_server" in said
    assert untouched(server, hetzner)


@pytest.mark.parametrize("loss", ["is_staff", "is_active"])
def test_whoever_left_is_refused_in_a_session_that_is_open(
    agent: Agent, server: Server, loss: str
) -> None:
    agent.call("list_servers")
    User.objects.filter(pk=agent.user.pk).update(**{loss: False})
    assert "not of active staff" in agent.refusal("list_servers")


def test_a_dry_run_tells_the_effects_and_changes_nothing(
    agent: Agent, server: Server, hetzner: Vendor
) -> None:
    plan = agent.call("destroy_server", server_id=str(server.pk), dry_run=True)
    assert "destroyed with everything on it" in plan["effects"]
    assert untouched(server, hetzner)


def test_with_its_plan_a_server_is_given_back(agent: Agent, server: Server) -> None:
    plan = planned(agent, server)
    told = agent.call("destroy_server", server_id=str(server.pk), plan_id=plan)

    server.refresh_from_db()
    assert server.status == Server.Status.DESTROYING
    operation = Operation.objects.get(pk=told["operation"])
    assert (operation.kind, operation.cause) == ("server_destroy", f"mcp: {agent.user.pk}")
    assert AgentPlan.objects.get(pk=plan).state == "used"


@pytest.mark.parametrize("plan", ["", NOBODYS, "no id at all"])
def test_without_a_plan_nothing_is_destroyed(
    agent: Agent, server: Server, hetzner: Vendor, plan: str
) -> None:
    said = agent.refusal("destroy_server", server_id=str(server.pk), plan_id=plan)
    assert "nothing was done" in said
    assert untouched(server, hetzner)


def test_the_plan_of_somebody_else_is_refused(
    agent: Agent, server: Server, hetzner: Vendor
) -> None:
    other = Agent(staff("otto@example.com", *RIGHTS))
    said = agent.refusal("destroy_server", server_id=str(server.pk), plan_id=planned(other, server))
    assert "You have no such plan" in said
    assert untouched(server, hetzner)


def test_a_plan_is_stale_once_the_machine_is_another_at_the_provider(
    agent: Agent, server: Server, hetzner: Vendor
) -> None:
    plan = planned(agent, server)
    provider().power_off(server.provider_id)
    said = agent.refusal("destroy_server", server_id=str(server.pk), plan_id=plan)
    assert "changed meanwhile" in said
    assert untouched(server, hetzner)


def test_a_plan_is_stale_once_the_server_has_a_bot(
    agent: Agent, server: Server, hetzner: Vendor, instance: Instance, node: Node
) -> None:
    plan = planned(agent, server)
    Server.objects.filter(pk=server.pk).update(node=node)
    for given in ({"plan_id": plan}, {"dry_run": True}):
        said = agent.refusal("destroy_server", server_id=str(server.pk), **given)
        assert "changed meanwhile" in said or "drain it first" in said
    assert untouched(server, hetzner)


def test_an_old_plan_is_refused(agent: Agent, server: Server, hetzner: Vendor) -> None:
    plan = planned(agent, server)
    AgentPlan.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    said = agent.refusal("destroy_server", server_id=str(server.pk), plan_id=plan)
    assert "too old" in said
    assert untouched(server, hetzner)


def test_a_plan_is_good_for_its_own_target_only(
    agent: Agent, server: Server, hetzner: Vendor
) -> None:
    key = agent.call("add_ssh_key", provider="hetzner", name="bob", public_key=KEY)
    plan = planned(agent, server)
    said = agent.refusal("remove_ssh_key", provider="hetzner", key_id=key["id"], plan_id=plan)
    assert "This plan is to destroy_server" in said
    assert agent.call("list_ssh_keys", provider="hetzner") == [key]


def test_a_plan_is_used_once(agent: Agent) -> None:
    told: dict[str, Any] = {"user": agent.user, "action": "x", "target": "y", "there": {"a": 1}}
    plan = str(plans.plan_make(**told, effects="none").pk)
    plans.plan_use(plan_id=plan, **told)
    with pytest.raises(Refused, match="used already"):
        plans.plan_use(plan_id=plan, **told)


def test_a_key_is_added_and_with_a_plan_removed(agent: Agent) -> None:
    key = agent.call("add_ssh_key", provider="hetzner", name="bob", public_key=KEY)
    which = {"provider": "hetzner", "key_id": key["id"]}
    assert "cannot be undone" in agent.refusal("remove_ssh_key", **which)
    assert agent.call("list_ssh_keys", provider="hetzner") == [key]

    plan = agent.call("remove_ssh_key", **which, dry_run=True)
    agent.call("remove_ssh_key", **which, plan_id=plan["plan_id"])

    assert agent.call("list_ssh_keys", provider="hetzner") == []
    assert "unknown_key" in agent.refusal("remove_ssh_key", **which, plan_id=plan["plan_id"])
    history = LogEntry.objects.filter(object_id="hetzner").order_by("pk")
    assert [entry.change_message for entry in history] == [
        "SSH key bob added (by MCP)",
        "SSH key bob removed (by MCP)",
    ]


def test_the_key_that_servers_are_ordered_with_stays(agent: Agent, settings: Any) -> None:
    settings.WOPR_NODE_SSH_KEY = KEY
    key = agent.call("add_ssh_key", provider="hetzner", name="ours", public_key=KEY)
    which = {"provider": "hetzner", "key_id": key["id"]}
    plan = agent.call("remove_ssh_key", **which, dry_run=True)
    said = agent.refusal("remove_ssh_key", **which, plan_id=plan["plan_id"])
    assert "WOPR_NODE_SSH_KEY" in said
    assert agent.call("list_ssh_keys", provider="hetzner") == [key]


@pytest.mark.parametrize("written", ["", "ssh-ed25519", "ssh-rsa AAAA!", "-----BEGIN KEY-----"])
def test_what_is_no_public_key_is_refused(agent: Agent, written: str) -> None:
    said = agent.refusal("add_ssh_key", provider="hetzner", name="x", public_key=written)
    assert "Write a public key" in said
    assert agent.call("list_ssh_keys", provider="hetzner") == []


def test_a_provider_without_credentials_is_named(agent: Agent) -> None:
    assert "Set VULTR_API_TOKEN" in agent.refusal("list_ssh_keys", provider="vultr")
