"""Money that goes back: refunds, disputes, credit notes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from sandbox.control import SandboxControl


@pytest.fixture
def paid(api: Any, subscribe: Callable[..., Any]) -> Any:
    """The paid invoice of a new subscription."""
    return api.get(f"invoices/{subscribe()['latest_invoice']}")


@pytest.fixture
def unpaid(api: Any, price: Any) -> Any:
    """The open first invoice of a customer whose card is refused."""
    method = {"payment_method": "pm_card_chargeCustomerFail"}
    customer = api.made("customers", method)["id"]
    card = api.get("payment_methods", customer=customer)["data"][0]["id"]
    form = {"customer": customer, "items[0][price]": price["id"], "default_payment_method": card}
    return api.get(f"invoices/{api.made('subscriptions', form)['latest_invoice']}")


def _charge(api: Any) -> Any:
    return api.get("charges")["data"][0]


@pytest.mark.usefixtures("paid")
def test_a_refund_tells_of_the_charge_and_of_itself(api: Any) -> None:
    api.made("refunds", {"charge": _charge(api)["id"], "amount": 400})
    assert api.event_types()[-4:] == [
        "charge.refunded",
        "refund.created",
        "refund.updated",
        "charge.refund.updated",
    ]
    assert (_charge(api)["amount_refunded"], _charge(api)["refunded"]) == (400, False)


def test_a_dispute_takes_the_money_of_the_newest_charge(
    api: Any, control: SandboxControl, paid: Any
) -> None:
    dispute = api.get(f"disputes/{control.dispute(customer=paid['customer'])}")
    (movement,) = dispute["balance_transactions"]
    assert (dispute["charge"], dispute["status"]) == (_charge(api)["id"], "needs_response")
    assert (movement["net"], movement["reporting_category"]) == (-2400, "dispute")
    assert _charge(api)["disputed"] is True
    assert api.event_types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert api.get("disputes", charge=_charge(api)["id"])["data"] == [dispute]


@pytest.mark.parametrize(
    ("status", "events"),
    [
        ("won", ["charge.dispute.closed", "charge.dispute.funds_reinstated"]),
        ("lost", ["charge.dispute.closed"]),
    ],
)
def test_a_dispute_is_decided_once(
    api: Any, control: SandboxControl, paid: Any, status: Any, events: list[str]
) -> None:
    dispute = control.dispute(customer=paid["customer"], reason="product_not_received")
    before = len(api.event_types())
    control.close_dispute(dispute, status)
    assert api.get(f"disputes/{dispute}")["status"] == status
    assert api.event_types()[before:] == events
    with pytest.raises(httpx.HTTPStatusError):
        control.close_dispute(dispute, "lost")


def test_a_disputed_charge_cannot_be_refunded(api: Any, control: SandboxControl, paid: Any) -> None:
    control.dispute(customer=paid["customer"])
    answer = api.post("refunds", {"charge": _charge(api)["id"]})
    assert answer.json()["error"]["code"] == "charge_disputed"


def test_a_credit_note_refunds_a_part_of_a_paid_invoice(api: Any, paid: Any) -> None:
    form = {"invoice": paid["id"], "amount": 400, "refund_amount": 400, "reason": "order_change"}
    note = api.made("credit_notes", form)
    assert (note["total"], note["type"], note["status"]) == (400, "post_payment", "issued")
    assert note["number"] == f"{paid['number']}-CN-01"
    assert api.get(f"refunds/{note['refunds'][0]['refund']}")["amount"] == 400
    assert api.get(f"invoices/{paid['id']}")["post_payment_credit_notes_amount"] == 400
    assert "credit_note.created" in api.event_types()


def test_a_credit_note_can_be_about_a_refund_that_was_made_before(api: Any, paid: Any) -> None:
    refund = api.made("refunds", {"charge": _charge(api)["id"]})
    line = paid["lines"]["data"][0]["id"]
    lines = {"lines[0][type]": "invoice_line_item", "lines[0][invoice_line_item]": line}
    form = {"invoice": paid["id"], **lines, "lines[0][quantity]": 1}
    note = api.made("credit_notes", {**form, "refunds[0][refund]": refund["id"]})
    assert note["refunds"][0]["refund"] == refund["id"]
    assert api.get(f"credit_notes/{note['id']}/lines")["data"][0]["invoice_line_item"] == line
    assert len(api.get("refunds")["data"]) == 1


def test_a_credit_note_can_become_credit_for_later(api: Any, paid: Any) -> None:
    api.made("credit_notes", {"invoice": paid["id"], "amount": 300, "credit_amount": 300})
    assert api.get(f"customers/{paid['customer']}")["balance"] == -300


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 901, "refund_amount": 901},
        {"amount": 400},
        {"amount": 400, "refund_amount": 300},
        {},
    ],
)
def test_a_credit_note_that_does_not_add_up_is_refused(
    api: Any, paid: Any, wrong: dict[str, int]
) -> None:
    assert api.post("credit_notes", {"invoice": paid["id"], **wrong}).status_code == 400
    assert api.get("credit_notes")["data"] == []
    assert api.get("refunds")["data"] == []


def test_a_credit_note_lowers_an_open_invoice(api: Any, unpaid: Any) -> None:
    note = api.made("credit_notes", {"invoice": unpaid["id"], "amount": 400})
    lowered = api.get(f"invoices/{unpaid['id']}")
    assert (note["type"], note["pre_payment_amount"]) == ("pre_payment", 400)
    assert (lowered["status"], lowered["amount_remaining"]) == ("open", 500)
    method = api.made("payment_methods/pm_card_visa/attach", {"customer": unpaid["customer"]})
    api.made(f"invoices/{unpaid['id']}/pay", {"payment_method": method["id"]})
    assert _charge(api)["amount"] == 500


def test_a_credit_note_about_everything_settles_an_open_invoice(api: Any, unpaid: Any) -> None:
    api.made("credit_notes", {"invoice": unpaid["id"], "amount": 900})
    settled = api.get(f"invoices/{unpaid['id']}")
    assert (settled["status"], settled["amount_paid"]) == ("paid", 0)
    details = settled["parent"]["subscription_details"]
    assert api.get(f"subscriptions/{details['subscription']}")["status"] == "active"


def test_a_credit_note_is_a_readable_file(api: Any, paid: Any) -> None:
    note = api.made("credit_notes", {"invoice": paid["id"], "amount": 400, "refund_amount": 400})
    file = httpx.get(note["pdf"], trust_env=False)
    text = PdfReader(io.BytesIO(file.content)).pages[0].extract_text()
    assert note["number"] in text
    assert "Total: $4.00" in text
