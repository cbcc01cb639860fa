"""Stripe's own SDK: disputes and credit notes."""

from __future__ import annotations

import pytest
import stripe

from sandbox.control import SandboxControl


def test_a_dispute_is_listed_and_decided(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription, fresh: SandboxControl
) -> None:
    opened = fresh.dispute(customer=str(sdk_subscription.customer), reason="unrecognized")
    (dispute,) = sdk_stripe.v1.disputes.list({"expand": ["data.charge"]}).data
    assert (dispute.id, dispute.reason) == (opened, "unrecognized")
    assert isinstance(dispute.charge, stripe.Charge)
    assert dispute.charge.disputed is True
    fresh.close_dispute(opened, "won")
    decided = sdk_stripe.v1.disputes.retrieve(opened)
    assert decided.status == "won"
    assert [row.net for row in decided.balance_transactions] == [-2400, 900]


def test_a_credit_note_refunds_a_line_of_an_invoice(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    invoice = sdk_stripe.v1.invoices.retrieve(str(sdk_subscription.latest_invoice))
    line = invoice.lines.data[0].id
    note = sdk_stripe.v1.credit_notes.create(
        {
            "invoice": invoice.id,
            "lines": [{"type": "invoice_line_item", "invoice_line_item": line, "amount": 500}],
            "refund_amount": 500,
            "reason": "product_unsatisfactory",
        }
    )
    assert (note.total, note.number) == (500, f"{invoice.number}-CN-01")
    (listed,) = sdk_stripe.v1.credit_notes.list({"invoice": invoice.id}).data
    lines = sdk_stripe.v1.credit_notes.line_items.list(listed.id).data
    assert [row.amount for row in lines] == [500]


def test_a_credit_note_over_the_invoice_is_refused(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        sdk_stripe.v1.credit_notes.create(
            {
                "invoice": str(sdk_subscription.latest_invoice),
                "amount": 1000,
                "refund_amount": 1000,
            }
        )
