"""Reserve, then settle: however many ask at once, nobody spends more than the limit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import httpx
import pytest
from django.db import connections
from django.utils import timezone

from billing.models import Meter, UsageCap, UsageEvent
from fleet.models import Instance
from gpu import books
from gpu.books import Amount
from gpu.callers import Caller, _known
from gpu.models import Allowance, Budget, Hold
from gpu.tasks import holds_release
from tenants.models import User
from tests.conftest import signed_in
from tests.gpu.conftest import Node, wait_until
from wopr.common.audit.context import acting
from wopr.common.errors import Refused

EURO = 1_000_000  # micros


@pytest.fixture
def caller(instance: Instance) -> Caller:
    return Caller(instance.pk, instance.tenant_id, budget=EURO, token_cap=None, second_cap=None)


def test_two_hundred_requests_at_once_never_spend_more_than_one_euro(
    gateway: Callable[[], str],
    gpu_node: Callable[..., Node],
    bot: dict[str, str],
    instance: Instance,
    settings: object,
) -> None:
    settings.WOPR_INFERENCE_TOKEN_PRICE = 2_000_000  # type: ignore[attr-defined]
    settings.WOPR_INFERENCE_RATE = 100_000  # type: ignore[attr-defined]
    Budget.objects.create(tenant=instance.tenant, allowed=EURO)
    gpu_node(pause=0.002, slots=50)
    url = gateway()
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 8}

    with httpx.Client(headers=bot, timeout=60) as client, ThreadPoolExecutor(40) as callers:

        def post(_: int) -> int:
            return client.post(f"{url}/v1/chat/completions", json=body).status_code

        statuses = list(callers.map(post, range(200)))
    assert set(statuses) == {200, 402}
    wait_until(lambda: not Hold.objects.exists(), "the books")
    month = Allowance.objects.get()
    assert 0 < month.spent <= EURO
    assert month.held == 0
    assert UsageEvent.objects.count() == statuses.count(200)


def test_a_budget_that_holds_one_request_serves_one_after_the_other(
    ask: Callable[..., httpx.Response], instance: Instance
) -> None:
    """What was just answered is booked before the next one is refused for it."""
    Budget.objects.create(tenant=instance.tenant, allowed=Amount(tokens=160).micros)
    statuses = [ask(max_tokens=16).status_code for _ in range(3)]
    assert statuses == [200, 200, 200]


def test_what_is_held_ahead_for_a_conversation_is_given_back_when_it_ends(
    ask: Callable[..., httpx.Response],
) -> None:
    statuses = [ask(max_tokens=16).status_code for _ in range(3)]
    wait_until(Hold.objects.exists, "a hold ahead of the next request")
    wait_until(lambda: not Hold.objects.exists(), "the books")
    assert statuses == [200, 200, 200]
    assert Allowance.objects.get().held == 0
    assert UsageEvent.objects.count() == 3


def test_what_is_held_ahead_makes_room_for_what_is_asked(
    ask: Callable[..., httpx.Response], instance: Instance
) -> None:
    Budget.objects.create(tenant=instance.tenant, allowed=Amount(tokens=700).micros)
    assert [ask(max_tokens=16).status_code for _ in range(2)] == [200, 200]
    wait_until(lambda: Hold.objects.filter(tokens__gt=100).exists(), "a hold ahead")
    assert ask(max_tokens=270).status_code == 200


def test_a_service_makes_no_more_than_was_held_whatever_it_is_asked_in_its_own_words(
    ask: Callable[..., httpx.Response],
) -> None:
    """llama.cpp prefers its own names of the limit to those of OpenAI."""
    more = {"n_predict": -1, "n_cmpl": 4, "best_of": 4, "ignore_eos": True}
    usage = ask(max_tokens=1, **more).json()["usage"]
    assert usage["completion_tokens"] == 1
    wait_until(lambda: Allowance.objects.filter(tokens=usage["total_tokens"]).exists(), "the books")


@pytest.mark.django_db(transaction=True)
def test_nobody_is_refused_since_another_had_the_first_request_of_the_month(
    caller: Caller,
) -> None:
    together = Barrier(8)

    def reserve(_: int) -> None:
        try:
            together.wait()
            books.reserve(caller, Amount(tokens=1))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as callers:
        list(callers.map(reserve, range(8)))
    assert Hold.objects.count() == 8


def test_what_was_held_and_not_used_is_given_back(caller: Caller) -> None:
    [hold] = books.reserve(caller, Amount(tokens=1000))
    assert Allowance.objects.get().held == 600
    books.settle({hold: Amount(tokens=100)})
    month = Allowance.objects.get()
    assert (month.held, month.spent, month.tokens) == (0, 60, 100)


def test_settling_twice_books_once(caller: Caller) -> None:
    [hold] = books.reserve(caller, Amount(tokens=1000))
    books.settle({hold: Amount(tokens=100)})
    books.settle({hold: Amount(tokens=100)})
    assert Allowance.objects.get().tokens == 100
    assert UsageEvent.objects.count() == 1


def test_more_than_was_held_is_never_booked(caller: Caller) -> None:
    [hold] = books.reserve(caller, Amount(tokens=100))
    books.settle({hold: Amount(tokens=5000)})
    assert Allowance.objects.get().tokens == 100


def test_a_gateway_that_died_gives_back_what_it_held(caller: Caller) -> None:
    [hold] = books.reserve(caller, Amount(tokens=1000))
    holds_release()
    assert Hold.objects.filter(pk=hold).exists()
    made = timezone.now() - timedelta(minutes=5)
    Hold.objects.update(created_at=made, expires_at=made + books.LEASE)
    with acting(actor="worker", via="task"):
        holds_release()
    assert not Hold.objects.exists()
    month = Allowance.objects.get()
    assert (month.held, month.tokens_held, month.spent) == (0, 0, 0)


def test_a_gateway_that_lives_keeps_its_holds(caller: Caller) -> None:
    books.reserve(caller, Amount(tokens=1000))
    soon = timezone.now() + timedelta(seconds=1)
    Hold.objects.update(expires_at=soon)
    assert books.renew() == 1
    assert Hold.objects.get().expires_at > soon


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"budget": 500}, "budget_exhausted"),
        ({"token_cap": 999}, "cap_reached"),
        ({"second_cap": 9}, "cap_reached"),
    ],
)
def test_what_could_exceed_a_limit_is_refused_before_it_is_sent(
    instance: Instance, limits: dict[str, int], code: str
) -> None:
    limited = Caller(
        instance.pk,
        instance.tenant_id,
        **{"budget": EURO, "token_cap": None, "second_cap": None, **limits},  # type: ignore[arg-type]
    )
    with pytest.raises(Refused) as refused:
        books.reserve(limited, Amount(tokens=1000, seconds=10))
    assert (refused.value.code, refused.value.status) == (code, 402)
    assert not Hold.objects.exists()


def test_too_many_requests_in_a_minute_are_refused(caller: Caller, settings: object) -> None:
    settings.WOPR_INFERENCE_RATE = 3  # type: ignore[attr-defined]
    for _ in range(3):
        books.reserve(caller, Amount(tokens=1))
    with pytest.raises(Refused, match="More than 3 requests"):
        books.reserve(caller, Amount(tokens=1))


def test_requests_that_are_held_together_are_held_all_or_none(caller: Caller) -> None:
    most = Amount(tokens=EURO // Amount(tokens=1000).micros * 1000 // 2)
    assert len(books.reserve(caller, most, requests=2)) == 2
    Hold.objects.all().delete()
    Allowance.objects.update(held=0)
    with pytest.raises(Refused):
        books.reserve(caller, most, requests=3)
    assert not Hold.objects.exists()


def test_a_request_that_was_held_and_never_made_is_not_counted(
    caller: Caller, settings: object
) -> None:
    settings.WOPR_INFERENCE_RATE = 3  # type: ignore[attr-defined]
    holds = books.reserve(caller, Amount(tokens=100), requests=3)
    books.settle({holds[0]: Amount(tokens=100), holds[1]: None, holds[2]: None})
    month = Allowance.objects.get()
    assert (month.held, month.tokens, month.requests) == (0, 100, 1)
    assert len(books.reserve(caller, Amount(tokens=100), requests=2)) == 2
    with pytest.raises(Refused, match="More than 3 requests"):
        books.reserve(caller, Amount(tokens=100))


def test_what_is_given_back_makes_no_room_in_another_minute(caller: Caller) -> None:
    books.settle({hold: Amount() for hold in books.reserve(caller, Amount(tokens=1), requests=2)})
    holds = books.reserve(caller, Amount(tokens=1), requests=3)
    Hold.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    before = Allowance.objects.get().requests
    books.settle(dict.fromkeys(holds))
    assert Allowance.objects.get().requests == before


def test_a_cap_that_the_customer_sets_stops_its_bot(
    gateway: Callable[[], str],
    gpu_node: Callable[..., Node],
    bot: dict[str, str],
    instance: Instance,
) -> None:
    UsageCap.objects.create(tenant=instance.tenant, meter=Meter.INFERENCE_TOKENS, limit=50)
    gpu_node()
    answer = httpx.post(
        f"{gateway()}/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100},
        headers=bot,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "cap_reached")


def test_a_customers_own_limit_counts_within_what_staff_allow(
    ask: Callable[..., httpx.Response], instance: Instance, alice: User
) -> None:
    client = signed_in(alice)
    path = f"/api/v1/tenants/{instance.tenant_id}/inference"
    assert client.get(path).json()["allowed"] == 10 * EURO
    too_much = client.put(f"{path}/limit", {"limit": 10 * EURO + 1})
    assert too_much.json()["code"] == "above_allowance"

    assert client.put(f"{path}/limit", {"limit": 1}).json()["left"] == 1
    assert ask().json()["error"]["code"] == "budget_exhausted"
    _known.clear()  # what the gateway knows of a caller is seconds old
    assert client.put(f"{path}/limit", {"limit": None}, format="json").json()["limit"] is None
    assert ask().status_code == 200
    wait_until(lambda: client.get(path).json()["spent"] > 0, "the books")

    Budget.objects.update(limit=5 * EURO, allowed=EURO)
    assert Budget.of(instance.tenant_id).most == EURO
