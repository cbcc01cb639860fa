"""Every adapter for providers of machines against the same promises."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fleet.providers.base import Machine, Progress, Rule, ServerProvider, SoldOut, State, Wall
from tests.providers.vendors import (
    ADAPTERS,
    DEPLOYMENT,
    KEY,
    OTHER_KEY,
    Vendor,
    empty_providers,
    sandboxes,
    stranger_at_digitalocean,
    stranger_at_hetzner,
)
from wopr.common.correlation import correlation
from wopr.common.errors import ProviderError

OWN = ["hetzner", "digitalocean"]  # adapters that know actions, firewalls and rebuilding


@dataclass
class Bench:
    """An adapter, and the vendor behind it."""

    adapter: ServerProvider
    vendor: Vendor

    def running(self) -> Machine:
        made = self.adapter.create(self.vendor.order())
        self.vendor.let_time_pass()
        found = self.adapter.get(made.id)
        assert found is not None
        assert found.state == State.RUNNING
        return found


@pytest.fixture(params=ADAPTERS)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    opened, vendor = ADAPTERS[request.param]
    empty_providers()
    with sandboxes() as control:
        yield Bench(opened(), Vendor(control, vendor))
    empty_providers()


def own(*names: str) -> Any:
    return pytest.mark.parametrize("bench", names or OWN, indirect=True)


def test_an_order_becomes_a_machine_that_runs_and_has_an_address(bench: Bench) -> None:
    made = bench.adapter.create(bench.vendor.order())
    assert made.state == State.CREATING
    bench.vendor.let_time_pass()
    seen = bench.adapter.get(made.id)
    assert seen is not None
    assert (seen.state, seen.name, seen.size) == (State.RUNNING, made.name, bench.vendor.size)
    [region] = [r for r in bench.adapter.regions() if r.code == bench.vendor.region]
    assert seen.region in {region.code, region.name}
    assert seen.address.startswith("127.")


def test_an_order_is_found_again_by_its_name_and_no_other_is(bench: Bench) -> None:
    made = bench.adapter.create(bench.vendor.order())
    bench.adapter.create(bench.vendor.order(f"{DEPLOYMENT}-2"))
    assert [m.id for m in bench.adapter.find(f"{DEPLOYMENT}-1", DEPLOYMENT)] == [made.id]
    assert bench.adapter.find(f"{DEPLOYMENT}-3", DEPLOYMENT) == []


def test_what_was_made_though_nobody_answered_is_found(bench: Bench) -> None:
    bench.vendor.misbehave("drop", method="POST", path=bench.vendor.path, when="after")
    with pytest.raises(ProviderError) as failure:
        bench.adapter.create(bench.vendor.order())
    assert not failure.value.permanent
    assert len(bench.adapter.find(f"{DEPLOYMENT}-1", DEPLOYMENT)) == 1


def test_only_machines_of_this_deployment_are_ours_and_all_pages_are_read(bench: Bench) -> None:
    names = [f"{DEPLOYMENT}-{number}" for number in range(55)]
    for name in names:
        bench.adapter.create(bench.vendor.order(name))
    bench.adapter.create(bench.vendor.order("elsewhere-1", deployment="elsewhere"))
    assert sorted(m.name for m in bench.adapter.ours(DEPLOYMENT)) == sorted(names)
    assert len(bench.vendor.machines()) == 56


def test_a_machine_that_is_not_there_is_none(bench: Bench) -> None:
    assert bench.adapter.get("1") is None


def test_power_goes_off_and_on(bench: Bench) -> None:
    machine = bench.running()
    for act, state in (
        (bench.adapter.power_off, State.OFF),
        (bench.adapter.power_on, State.RUNNING),
        (bench.adapter.reboot, State.RUNNING),
    ):
        act(machine.id)
        bench.vendor.let_time_pass()
        seen = bench.adapter.get(machine.id)
        assert seen is not None
        assert seen.state == state


def test_a_machine_that_is_off_can_be_resized(bench: Bench) -> None:
    machine = bench.running()
    with pytest.raises(ProviderError) as refusal:
        bench.adapter.resize(machine.id, bench.vendor.bigger)
    assert refusal.value.permanent
    bench.adapter.power_off(machine.id)
    bench.vendor.let_time_pass()
    bench.adapter.resize(machine.id, bench.vendor.bigger)
    bench.vendor.let_time_pass()
    seen = bench.adapter.get(machine.id)
    assert seen is not None
    assert seen.size == bench.vendor.bigger


def test_a_destroyed_machine_is_gone_and_may_be_destroyed_again(bench: Bench) -> None:
    machine = bench.running()
    bench.adapter.destroy(machine.id)
    bench.vendor.let_time_pass()
    assert bench.adapter.get(machine.id) is None
    bench.adapter.destroy(machine.id)
    assert bench.vendor.machines() == []


def test_a_machine_that_is_busy_is_worth_another_try(bench: Bench) -> None:
    made = bench.adapter.create(bench.vendor.order())
    with pytest.raises(ProviderError) as failure:
        bench.adapter.destroy(made.id)
    assert not failure.value.permanent


def test_sizes_come_with_prices_before_tax_and_stock(bench: Bench) -> None:
    bench.vendor.behave(out_of_stock=[f"{bench.vendor.size}@{bench.vendor.region}"])
    sizes = {size.code: size for size in bench.adapter.sizes()}
    wanted = sizes[bench.vendor.size]
    offers = {offer.region: offer for offer in wanted.offers}
    assert not offers[bench.vendor.region].available
    assert any(offer.available for offer in wanted.offers)
    assert 0 < offers[bench.vendor.region].hourly < offers[bench.vendor.region].monthly < 100
    assert offers[bench.vendor.region].currency in {"eur", "usd"}
    assert wanted.memory_mb >= 2048
    assert wanted.cpus > 0
    assert bench.vendor.region in {region.code for region in bench.adapter.regions()}


@pytest.mark.parametrize(
    "conduct", [{"server_limit": 0}, {"out_of_stock": ["cx22", "s-1vcpu-2gb"]}]
)
def test_what_is_sold_out_says_so_and_makes_nothing(bench: Bench, conduct: Any) -> None:
    bench.vendor.behave(**conduct)
    with pytest.raises(SoldOut):
        bench.adapter.create(bench.vendor.order())
    assert bench.vendor.machines() == []


@pytest.mark.parametrize("wrong", [{"size": "huge"}, {"region": "moon"}])
def test_an_unknown_size_or_region_is_refused_for_good(bench: Bench, wrong: Any) -> None:
    with pytest.raises(ProviderError) as refusal:
        bench.adapter.create(bench.vendor.order(**wrong))
    assert refusal.value.permanent
    assert not isinstance(refusal.value, SoldOut)
    assert bench.vendor.machines() == []


def test_images_are_listed_by_the_names_that_orders_take(bench: Bench) -> None:
    image = bench.adapter.image
    assert image in bench.adapter.images()
    made = bench.adapter.create(bench.vendor.order(image=image))
    assert [row["image"] for row in bench.vendor.machines() if row["name"] == made.name] == [image]


def test_an_image_that_was_withdrawn_is_not_listed_and_refused_for_good(bench: Bench) -> None:
    bench.vendor.behave(withdrawn=[bench.adapter.image])
    assert bench.adapter.images()
    assert bench.adapter.image not in bench.adapter.images()
    with pytest.raises(ProviderError) as refusal:
        bench.adapter.create(bench.vendor.order(image=bench.adapter.image))
    assert refusal.value.permanent
    assert bench.vendor.machines() == []


def test_keys_are_kept_found_and_removed(bench: Bench) -> None:
    added = bench.adapter.key_add("wopr", KEY)
    [key] = bench.adapter.keys()
    assert (key.id, key.name, key.is_of(KEY), key.is_of(OTHER_KEY)) == (
        added.id,
        "wopr",
        True,
        False,
    )
    bench.adapter.key_remove(key.id)
    bench.adapter.key_remove(key.id)
    assert bench.adapter.keys() == []


FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429},
    "500": {"kind": "status", "status": 500},
    "drop": {"kind": "drop"},
    "never answered": {"kind": "timeout_after", "seconds": 0.2},
}


@pytest.mark.parametrize("mishap", FAULTS)
@pytest.mark.parametrize("route", ["list", "create", "act", "destroy"])
def test_what_may_pass_is_not_permanent(bench: Bench, mishap: str, route: str) -> None:
    machine = bench.running()
    method = {"list": "GET", "create": "POST", "act": "POST", "destroy": "DELETE"}[route]
    calls: dict[str, Callable[[], object]] = {
        "list": lambda: bench.adapter.ours(DEPLOYMENT),
        "create": lambda: bench.adapter.create(bench.vendor.order(f"{DEPLOYMENT}-2")),
        "act": lambda: bench.adapter.reboot(machine.id),
        "destroy": lambda: bench.adapter.destroy(machine.id),
    }
    bench.vendor.misbehave(method=method, path=f"{bench.vendor.path}*", **FAULTS[mishap])
    with pytest.raises(ProviderError) as failure:
        calls[route]()
    assert not failure.value.permanent


@own()
def test_an_accepted_action_can_be_followed_to_its_end(bench: Bench) -> None:
    machine = bench.running()
    accepted = bench.adapter.reboot(machine.id)
    assert accepted.progress == Progress.UNDER_WAY
    bench.vendor.let_time_pass()
    assert bench.adapter.action(accepted.id).progress == Progress.DONE


@own()
def test_an_action_that_failed_later_says_so(bench: Bench) -> None:
    machine = bench.running()
    bench.vendor.behave(failing={"reboot": 1})
    accepted = bench.adapter.reboot(machine.id)
    bench.vendor.let_time_pass()
    ended = bench.adapter.action(accepted.id)
    assert ended.progress == Progress.FAILED
    assert ended.message


@own()
def test_a_machine_is_rebuilt_from_an_image(bench: Bench) -> None:
    machine = bench.running()
    image = {"hetzner": "debian-12", "digitalocean": "debian-12-x64"}[bench.vendor.name]
    bench.adapter.rebuild(machine.id, image)
    bench.vendor.let_time_pass()
    assert [row["image"] for row in bench.vendor.machines()] == [image]


@own()
def test_the_firewall_is_as_declared_however_often_it_is_put(bench: Bench) -> None:
    ssh = Rule("tcp", "22", ("203.0.113.9/32",))
    web = Rule("tcp", "80-443", ("0.0.0.0/0", "::/0"))
    bench.adapter.wall_put(Wall("wopr", DEPLOYMENT, (ssh,)))
    bench.adapter.wall_put(Wall("wopr", DEPLOYMENT, (ssh, web)))
    [wall] = bench.adapter.walls()
    assert (wall.name, wall.deployment, wall.rules) == ("wopr", DEPLOYMENT, (ssh, web))


@own()
def test_a_firewall_that_somebody_detached_is_put_around_the_machines_again(bench: Bench) -> None:
    wanted = Wall("wopr", DEPLOYMENT, (Rule("tcp", "22", ("203.0.113.9/32",)),))
    bench.adapter.wall_put(wanted)
    bench.vendor.drop_wall("wopr")
    assert [bare.deployment for bare in bench.adapter.walls()] == [""]
    for _ in range(2):
        bench.adapter.wall_put(wanted)
        [wall] = bench.adapter.walls()
        assert (wall.deployment, wall.rules) == (wanted.deployment, wanted.rules)


@own()
def test_the_account_tells_how_many_requests_are_left(bench: Bench) -> None:
    bench.vendor.behave(rate_limit=1000)
    account = bench.adapter.account()
    assert account.is_usable
    assert account.requests_left is not None
    assert 0 < account.requests_left < 1000


@own()
def test_calls_carry_the_correlation_id(bench: Bench) -> None:
    with correlation("evt-provider-1"):
        bench.adapter.create(bench.vendor.order())
    [seen] = bench.vendor.requests(path=bench.vendor.path, method="POST")
    assert seen["correlation_id"] == "evt-provider-1"


@pytest.mark.parametrize("stranger", [stranger_at_hetzner, stranger_at_digitalocean])
def test_a_wrong_token_is_permanent_and_not_repeated_in_the_message(
    stranger: Callable[[], ServerProvider],
) -> None:
    with pytest.raises(ProviderError) as refusal:
        stranger().account()
    assert refusal.value.permanent
    assert "not-the-token" not in str(refusal.value)
    assert os.environ["HETZNER_API_TOKEN"] not in str(refusal.value)


@own("hetzner")
def test_a_server_of_our_name_that_is_not_ours_is_left_alone(bench: Bench) -> None:
    bench.adapter.create(bench.vendor.order(deployment="elsewhere"))
    with pytest.raises(ProviderError, match="does not bear our label") as refusal:
        bench.adapter.find(f"{DEPLOYMENT}-1", DEPLOYMENT)
    assert refusal.value.permanent
