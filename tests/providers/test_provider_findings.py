"""Every single thing that a look at a provider may find amiss."""

from collections.abc import Iterator
from typing import Any

import pytest

from billing.models import Plan
from fleet import provider_watch
from fleet.models import CatalogueOffer
from fleet.providers import registry
from tests.providers.life import Life
from tests.providers.vendors import DEPLOYMENT, KEY, Vendor, empty_providers, sandboxes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def digitalocean() -> Iterator[Vendor]:
    empty_providers()
    with sandboxes() as control:
        yield Vendor(control, "digitalocean")
    empty_providers()


def found(vendor: Vendor) -> tuple[str, list[str]]:
    look = provider_watch.look_at(vendor.name)
    return look.state, look.findings


def test_a_locked_account_is_down(digitalocean: Vendor) -> None:
    digitalocean.behave(locked=True)
    assert found(digitalocean) == ("down", ["the account is locked: A bill is open."])


def test_a_slow_answer(digitalocean: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_watch, "SLOW_MS", 100)
    digitalocean.misbehave("latency", seconds=0.2)
    state, [finding] = found(digitalocean)
    assert (state, "ms to answer" in finding) == ("degraded", True)


def test_an_account_that_may_have_hardly_any_more_machines(digitalocean: Vendor) -> None:
    digitalocean.behave(server_limit=3)
    assert found(digitalocean) == ("healthy", [])
    for number in range(2):
        registry.provider("digitalocean").create(digitalocean.order(f"{DEPLOYMENT}-{number}"))
    state, findings = found(digitalocean)
    assert state == "degraded"
    assert findings[-1] == "the account may have 3 machines: 1 more can be ordered"


def test_a_key_that_somebody_removed(life: Life, settings: Any) -> None:
    settings.WOPR_NODE_SSH_KEY = KEY
    life.finish()
    assert found(life.vendor) == ("healthy", [])
    vendor = registry.provider(life.vendor.name)
    [key] = vendor.keys()
    vendor.key_remove(key.id)
    assert found(life.vendor) == ("degraded", ["our SSH key is missing there"])


def test_a_firewall_that_somebody_detached(life: Life) -> None:
    life.finish()
    life.vendor.drop_wall(DEPLOYMENT)
    assert found(life.vendor) == ("degraded", ["the firewall is not as declared"])


def test_a_size_of_ours_that_is_sold_no_more(life: Life) -> None:
    life.finish()
    life.vendor.behave(out_of_stock=[life.vendor.size])
    provider_watch.read_catalogue(life.vendor.name)
    gone = f"{life.vendor.size} is not sold in {life.vendor.region} any more"
    assert found(life.vendor) == ("degraded", [gone])


def sold_out(vendor: Vendor, *, of_mb: int, region: str) -> None:
    """All that is so large is sold out there."""
    provider_watch.read_catalogue(vendor.name)
    large = CatalogueOffer.objects.filter(memory_mb__gte=of_mb, region=region)
    vendor.behave(out_of_stock=sorted(set(large.values_list("size", flat=True))))
    provider_watch.read_catalogue(vendor.name)


def test_a_plan_for_which_no_machine_of_its_own_can_be_had(
    hetzner: Vendor, plan: Plan, settings: Any
) -> None:
    settings.WOPR_POOL_REGIONS = [hetzner.region]
    Plan.objects.update(placement="dedicated", memory_mb=6000)
    provider_watch.read_catalogue("hetzner")
    assert found(hetzner) == ("healthy", [])
    sold_out(hetzner, of_mb=6000, region=hetzner.region)
    assert found(hetzner) == ("degraded", [f"nothing sold now fits the plan {plan.code}"])


def test_a_pool_that_nothing_on_sale_would_enlarge(hetzner: Vendor, settings: Any) -> None:
    settings.WOPR_POOL_REGIONS, settings.WOPR_POOL_HEADROOM_MB = [hetzner.region], 1000
    settings.WOPR_POOL_SERVER_MB = 6000
    sold_out(hetzner, of_mb=6000, region=hetzner.region)
    assert found(hetzner) == ("degraded", ["nothing sold now fits the pool"])


def test_a_region_where_wopr_buys_and_nothing_is_sold(hetzner: Vendor, settings: Any) -> None:
    settings.WOPR_POOL_REGIONS = [hetzner.region]
    sold_out(hetzner, of_mb=0, region=hetzner.region)
    assert found(hetzner) == ("degraded", [f"nothing is sold in {hetzner.region} now"])


def withdrawn(vendor: Vendor, image: str) -> tuple[str, list[str]]:
    """What a look finds once the catalogue was read again."""
    vendor.behave(withdrawn=[image])
    provider_watch.read_catalogue(vendor.name)
    return found(vendor)


def test_an_image_of_nodes_that_is_offered_no_more(hetzner: Vendor) -> None:
    assert found(hetzner) == ("healthy", [])
    gone = "the image debian-13 is not offered any more: no machine can be ordered with it"
    assert withdrawn(hetzner, "debian-13") == ("degraded", [gone])


def test_an_image_of_gpu_nodes_matters_where_they_are_set_up(
    digitalocean: Vendor, settings: Any
) -> None:
    settings.WOPR_GPU_IMAGE, settings.WOPR_GPU_MODELS = "ubuntu-24-04-x64", []
    assert withdrawn(digitalocean, "ubuntu-24-04-x64") == ("healthy", [])
    settings.WOPR_GPU_MODELS = [f"llama.gguf {'0' * 64} https://models.example/llama.gguf"]
    state, [finding] = found(digitalocean)
    assert (state, finding[:26]) == ("degraded", "the image ubuntu-24-04-x64")
