"""Records at Cloudflare become what the rows want; what is not ours is never touched."""

from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from dns import publishing
from dns.models import Record
from tests.fleet.world import World
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db
NAME = "alice-co.bots.localhost"
OWNER = "instance:0123"


def declared(content: str = "203.0.113.10") -> Record:
    return publishing.record_declare(owner=OWNER, name=NAME, type="A", content=content)


def published(record: Record) -> Any:
    publishing.record_publish(record)
    return publishing.record_observe(record)


def test_a_wanted_record_is_made_unproxied_and_says_whose_it_is(world: World) -> None:
    remote = published(declared())

    [record] = world.records(NAME)
    assert remote.id == record["id"]
    assert (record["type"], record["content"], record["ttl"]) == ("A", "203.0.113.10", 60)
    assert record["proxied"] is False
    assert record["comment"] == f"{settings.WOPR_DEPLOYMENT} {OWNER}"


def test_publishing_again_changes_nothing(world: World) -> None:
    record = declared()

    assert published(record).id == published(record).id
    assert len(world.records(NAME)) == 1


def test_a_record_of_ours_from_an_earlier_try_is_adopted(world: World) -> None:
    comment = f"{settings.WOPR_DEPLOYMENT} {OWNER}"
    earlier = world.record_add(name=NAME, type="A", content="203.0.113.10", ttl=60, comment=comment)

    assert publishing.record_observe(declared()).id == earlier


def test_a_record_whose_content_changed_is_corrected_in_place(world: World) -> None:
    before = published(declared("203.0.113.10"))

    after = published(declared("203.0.113.11"))

    assert after.id == before.id
    assert [record["content"] for record in world.records(NAME)] == ["203.0.113.11"]


def test_a_record_that_somebody_proxied_is_not_as_wanted_and_is_repaired(world: World) -> None:
    record = declared()
    remote = published(record)
    world.record_change(remote.id, proxied=True)

    assert publishing.record_observe(record) is None

    assert published(record).id == remote.id
    [seen] = world.records(NAME)
    assert (seen["proxied"], seen["ttl"]) == (False, 60)


def test_a_proxied_record_is_not_as_wanted_even_if_all_else_about_it_is(world: World) -> None:
    record = declared()
    record.ttl = 1  # what Cloudflare makes of the time to live of a proxied record
    remote = published(record)
    world.record_change(remote.id, proxied=True)

    assert publishing.record_observe(record) is None


def test_no_row_can_ask_for_a_proxied_record() -> None:
    with pytest.raises(IntegrityError, match="record_is_never_proxied"), transaction.atomic():
        Record.objects.create(
            zone="z", name=NAME, type="A", content="203.0.113.10", owner=OWNER, proxied=True
        )


@pytest.mark.parametrize("comment", ["", "made by hand", "another-deployment instance:0123"])
def test_a_record_that_is_not_ours_is_refused_for_good_and_left_alone(
    world: World, comment: str
) -> None:
    foreign = world.record_add(name=NAME, type="A", content="198.51.100.7", comment=comment)
    before = world.records(NAME)

    with pytest.raises(ProviderError, match="WOPR did not make") as refusal:
        publishing.record_publish(declared())

    assert refusal.value.permanent
    assert world.records(NAME) == before
    assert before[0]["id"] == foreign


def test_an_identical_record_that_a_person_made_is_adopted(world: World) -> None:
    identical = world.record_add(name=NAME, type="A", content="203.0.113.10", comment="by hand")

    remote = published(declared())

    assert remote.id == identical
    assert len(world.records(NAME)) == 1


def test_withdrawing_takes_ours_and_leaves_the_others(world: World) -> None:
    record = declared()
    published(record)
    other = world.record_add(name=NAME, type="A", content="198.51.100.7")

    publishing.record_withdraw(record)

    assert [seen["id"] for seen in world.records(NAME)] == [other]
    assert record.state == Record.State.WITHDRAWN


def test_withdrawing_what_is_gone_already_is_no_error(world: World) -> None:
    publishing.record_withdraw(declared())

    assert world.records(NAME) == []


MISHAPS: dict[str, dict[str, Any]] = {
    "too many requests": {"kind": "status", "status": 429, "retry_after": 7},
    "a failure": {"kind": "status", "status": 500},
    "a failure after the change": {"kind": "status", "status": 502, "when": "after"},
    "a broken connection": {"kind": "drop"},
    "a broken connection after the change": {"kind": "drop", "when": "after"},
    "no answer": {"kind": "timeout_after", "seconds": 0.3},
}


@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
def test_a_mishap_is_worth_another_try_and_ends_with_one_record(
    world: World, mishap: dict[str, Any]
) -> None:
    record, kind = declared(), mishap["kind"]
    rest = {name: value for name, value in mishap.items() if name != "kind"}
    world.vendors.add_fault("cloudflare", kind, method="POST", path="*/dns_records", **rest)

    with pytest.raises(ProviderError, match="Cloudflare") as failure:
        publishing.record_publish(record)
    assert not failure.value.permanent
    assert failure.value.retry_after == mishap.get("retry_after")

    if publishing.record_observe(record) is None:
        publishing.record_publish(record)
    assert publishing.record_observe(record)
    assert len(world.records(NAME)) == 1


def test_an_alias_of_somebody_else_in_the_way_is_named_and_left(world: World) -> None:
    world.record_add(name=NAME, type="CNAME", content="elsewhere.example", comment="by hand")
    record = declared()

    with pytest.raises(ProviderError, match="already has a CNAME record") as refusal:
        publishing.record_publish(record)

    assert refusal.value.permanent
    assert record.state == Record.State.CONFLICT
    assert [r["type"] for r in world.records(NAME)] == ["CNAME"]
