"""New digests behind the moving tag are seen without a pull, and old images leave the nodes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from fleet import pruning, releases, rollouts, updates
from fleet.engines.registry import engine
from fleet.models import Instance, Node, Operation, Release, Rollout
from fleet.operations.steps.recreating import WaitHealthyAgain
from fleet.operations.steps.updates import Replace
from sandbox.stack import bot_image
from tenants.models import Tenant, User
from tenants.services import tenant_create
from tests.fleet.releasing import Registry, ended, registry, told
from tests.fleet.world import World, run_bot

__all__ = ["registry"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken release is given up after seconds instead of minutes."""
    for step in (Replace, WaitHealthyAgain):
        monkeypatch.setattr(step, "deadline", 0.0)


@pytest.fixture
def bot(tenant: Tenant, node: Node, world: World, registry: Registry) -> Instance:
    return run_bot(tenant, node)


def forget_all_releases(node: Node, registry: Registry) -> None:
    """Nothing of the bot's repository is left on the node."""
    here = engine(node)
    for digest in here.image_digests() - here.digests_in_use():
        if digest.startswith(f"{registry.address}/"):
            here.remove_image(digest)


def test_a_new_digest_is_seen_and_nothing_is_pulled(node: Node, registry: Registry) -> None:
    digest = registry.push_only("2.0.0")
    forget_all_releases(node, registry)

    [release] = releases.poll()

    assert (release.digest, release.state) == (digest, Release.State.CANDIDATE)
    assert digest == f"{registry.address}/wopr@{bot_image.digest(registry.address)}"
    assert not engine(node).has_image(digest)


def test_a_digest_that_is_known_is_no_news_and_is_seen_again(
    node: Node, registry: Registry
) -> None:
    [release] = releases.poll()
    Release.objects.update(state=Release.State.BAD)

    assert releases.poll() == []

    seen_again = Release.objects.get()
    assert seen_again.seen_at > release.seen_at
    assert seen_again.state == Release.State.BAD


def test_a_node_that_is_away_leaves_the_asking_to_the_next(node: Node, registry: Registry) -> None:
    Node.objects.create(
        name="away", engine_url="unix:///nowhere.sock", address="127.0.0.1", memory_mb=1
    )

    assert len(releases.poll()) == 1


def test_a_registry_that_is_away_is_no_release(node: Node, settings: Any) -> None:
    Instance.objects.update(image="127.0.0.1:1/wopr:latest")
    settings.WOPR_BOT_IMAGE = "127.0.0.1:1/wopr:latest"

    assert releases.poll() == []


def old(*found: Release) -> None:
    """These were behind the tag long ago."""
    long_ago = timezone.now() - timedelta(days=1)
    Release.objects.filter(pk__in=[r.pk for r in found]).update(seen_at=long_ago)


def on_the_node(bot: Instance) -> set[str]:
    return engine(bot.node).image_digests()


def test_only_what_nothing_needs_leaves_the_node(
    bot: Instance, world: World, registry: Registry
) -> None:
    running = bot.release
    earlier, coming, unneeded = (registry.push(f"3.{n}.0") for n in range(3))
    for release in (earlier, coming, unneeded):
        engine(bot.node).pull_digest(release.digest)
    Instance.objects.filter(pk=bot.pk).update(previous_release=earlier)
    Rollout.objects.create(release=coming, image=coming.image)
    old(*Release.objects.all())

    pruning.prune()

    assert {running.digest, earlier.digest, coming.digest} <= on_the_node(bot)
    assert unneeded.digest not in on_the_node(bot)


def test_what_was_behind_the_tag_a_moment_ago_stays(bot: Instance, registry: Registry) -> None:
    fresh = registry.push("3.3.0")
    engine(bot.node).pull_digest(fresh.digest)

    pruning.prune()

    assert fresh.digest in on_the_node(bot)


def test_an_image_that_a_container_is_made_from_stays_though_no_row_knows_it(
    bot: Instance, registry: Registry
) -> None:
    running, other = bot.release, registry.push("3.4.0")
    Instance.objects.filter(pk=bot.pk).update(release=other)
    old(*Release.objects.all())

    pruning.prune()

    assert running.digest in on_the_node(bot)


def test_an_image_of_somebody_else_stays(bot: Instance, registry: Registry) -> None:
    release = registry.push("3.5.0")
    engine(bot.node).pull_digest(release.digest)
    Release.objects.filter(pk=release.pk).delete()

    pruning.prune()

    assert release.digest in on_the_node(bot)


def test_what_an_update_under_way_will_run_stays(bot: Instance, registry: Registry) -> None:
    wanted = registry.push("3.6.0")
    engine(bot.node).pull_digest(wanted.digest)
    updates.open_update(instance=bot, release=wanted, cause="test")
    old(*Release.objects.all())

    pruning.prune()

    assert wanted.digest in on_the_node(bot)


def test_a_release_goes_from_the_registry_to_the_bot_by_what_the_schedule_does(
    bot: Instance, world: World, registry: Registry
) -> None:
    rollouts.advance()
    first = bot.release
    first.refresh_from_db()
    assert first.state == Release.State.GOOD
    digest = registry.push_only("4.0.0")

    releases.poll()
    [operation] = rollouts.advance()

    assert ended(operation).state == Operation.State.SUCCEEDED, told(operation)
    assert world.inspected(bot)["Config"]["Image"] == digest
    assert rollouts.advance() == []
    assert Rollout.objects.get(release__digest=digest).members.get().state == "updated"
    Operation.objects.update(finished_at=timezone.now() - timedelta(hours=1))
    rollouts.advance()
    assert Release.objects.get(digest=digest).state == Release.State.GOOD


def test_a_bad_release_meets_the_canary_alone_and_staff_is_told(
    bot: Instance, world: World, registry: Registry, alice: User, settings: Any
) -> None:
    settings.WOPR_ROLLOUT_CANARIES = 1
    other = run_bot(tenant_create(owner=alice, slug="other", name="Other"), bot.node)
    User.objects.create_superuser("staff@example.com", "correct horse battery staple")
    rollouts.advance()
    letters = world.mails(bot)
    registry.push("4.1.0", fault="crashing")

    [operation] = rollouts.advance()
    ended(operation)

    assert rollouts.advance() == []
    rollout = Rollout.objects.get(state=Rollout.State.HALTED)
    assert rollout.release.state == Release.State.BAD
    for each in (bot, other):
        inspected = world.inspected(each)
        assert inspected["State"]["Running"]
        assert inspected["Config"]["Image"] == bot.release.digest
    [alarm] = world.vendors.messages(to="staff@example.com")
    assert "was halted" in alarm["subject"]
    assert world.mails(bot) == letters, "the customer was bothered"
