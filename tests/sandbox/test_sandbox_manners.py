"""Keys, idempotency, errors and lists, as Stripe does them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.stripe.params import decode


@pytest.mark.parametrize("key", ["", "sk_test_other"])
def test_a_missing_or_wrong_key_is_401(urls: dict[str, str], key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = httpx.get(f"{urls['stripe']}/v1/customers", headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(("version", "status"), [("2026-05-27.dahlia", 200), ("2024-06-20", 400)])
def test_only_versions_of_its_own_release_are_spoken(api: Any, version: str, status: int) -> None:
    answer = api.http.get("/v1/customers", headers={"Stripe-Version": version})
    assert answer.status_code == status
    assert answer.headers["Stripe-Version"] == version


def test_a_repeated_key_gives_the_first_answer_again(api: Any) -> None:
    key = {"Idempotency-Key": "one"}
    first, second = (api.post("customers", {"name": "Alice"}, **key) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(api.get("customers")["data"]) == 1


def test_a_key_is_refused_for_another_request(api: Any) -> None:
    key = {"Idempotency-Key": "one"}
    api.post("customers", {"name": "Alice"}, **key)
    other = api.post("customers", {"name": "Bob"}, **key)
    assert other.status_code == 400
    assert other.json()["error"]["type"] == "idempotency_error"


def test_a_refused_request_does_not_use_up_its_key(api: Any) -> None:
    key = {"Idempotency-Key": "one"}
    assert api.post("products", {}, **key).status_code == 400
    assert api.post("products", {"name": "Bot"}, **key).status_code == 200


def test_what_does_not_exist_is_404_with_stripes_words(api: Any) -> None:
    answer = api.http.get("/v1/subscriptions/sub_nope")
    error = answer.json()["error"]
    assert answer.status_code == 404
    assert (error["code"], error["message"]) == (
        "resource_missing",
        "No such subscription: 'sub_nope'",
    )


def test_an_unknown_parameter_is_refused_rather_than_ignored(api: Any) -> None:
    answer = api.post("customers", {"emial": "a@example.com"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "parameter_unknown"


def test_a_deleted_customer_stays_visible_as_deleted(api: Any) -> None:
    customer = api.made("customers")
    assert api.delete(f"customers/{customer['id']}").json()["deleted"] is True
    assert api.get(f"customers/{customer['id']}")["deleted"] is True
    assert api.get("customers")["data"] == []


def test_lists_go_from_new_to_old_in_pages_both_ways(api: Any) -> None:
    ids = [api.made("customers")["id"] for _ in range(5)][::-1]
    first = api.get("customers", limit=2)
    assert [row["id"] for row in first["data"]] == ids[:2]
    assert first["has_more"] is True
    second = api.get("customers", limit=3, starting_after=ids[1])
    assert [row["id"] for row in second["data"]] == ids[2:]
    assert second["has_more"] is False
    before = api.get("customers", limit=2, ending_before=ids[3])
    assert [row["id"] for row in before["data"]] == ids[1:3]


def test_expanding_puts_objects_in_the_place_of_ids(api: Any, subscribe: Any) -> None:
    subscription = subscribe()
    paths = {"expand[]": ["latest_invoice.payments", "customer"]}
    grown = api.get(f"subscriptions/{subscription['id']}", **paths)
    assert grown["customer"]["object"] == "customer"
    assert grown["latest_invoice"]["payments"]["data"][0]["status"] == "paid"
    assert isinstance(api.get(f"subscriptions/{subscription['id']}")["customer"], str)


def test_expanding_what_does_not_exist_is_refused(api: Any) -> None:
    customer = api.made("customers")
    answer = api.http.get(f"/v1/customers/{customer['id']}", params={"expand[]": "friends"})
    assert answer.status_code == 400


def test_metadata_is_merged_and_an_empty_value_removes_a_key(api: Any) -> None:
    customer = api.made("customers", {"metadata[a]": "1", "metadata[b]": "2"})
    changed = api.made(f"customers/{customer['id']}", {"metadata[a]": "", "metadata[c]": "3"})
    assert changed["metadata"] == {"b": "2", "c": "3"}


def test_a_lookup_key_belongs_to_one_price_until_it_is_transferred(api: Any, price: Any) -> None:
    form = {"product": price["product"], "currency": "usd", "unit_amount": 500}
    form |= {"recurring[interval]": "month", "lookup_key": "small"}
    first = api.made("prices", form)
    assert api.post("prices", form).status_code == 400
    second = api.made("prices", {**form, "transfer_lookup_key": "true"})
    found = api.get("prices", **{"lookup_keys[]": "small"})["data"]
    assert [row["id"] for row in found] == [second["id"]]
    assert api.get(f"prices/{first['id']}")["lookup_key"] is None


def test_a_refund_cannot_exceed_what_was_paid(api: Any, subscribe: Any) -> None:
    subscribe()
    intent = api.get("payment_intents")["data"][0]["id"]
    api.made("refunds", {"payment_intent": intent, "amount": 400})
    assert api.post("refunds", {"payment_intent": intent, "amount": 501}).status_code == 400
    api.made("refunds", {"payment_intent": intent})
    charge = api.get("charges")["data"][0]
    assert (charge["amount_refunded"], charge["refunded"]) == (900, True)
    again = api.post("refunds", {"payment_intent": intent})
    assert again.json()["error"]["code"] == "charge_already_refunded"


def test_nested_forms_become_objects_and_lists() -> None:
    form = "items[0][price]=p&items[0][quantity]=2&items[1][price]=q&metadata[a]=&expand[]=x"
    assert decode(form) == {
        "items": [{"price": "p", "quantity": "2"}, {"price": "q"}],
        "metadata": {"a": ""},
        "expand": ["x"],
    }
