"""Stripe's own SDK: coupons, promotion codes, automatic tax."""

from __future__ import annotations

import stripe

from sandbox.control import SandboxControl


def test_a_promotion_code_is_used_at_checkout(
    sdk_stripe: stripe.StripeClient, fresh: SandboxControl, sdk_price: stripe.Price
) -> None:
    coupon = sdk_stripe.v1.coupons.create({"amount_off": 300, "currency": "usd"})
    promotion = sdk_stripe.v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "HELLO",
            "max_redemptions": 1,
        }
    )
    session = sdk_stripe.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": sdk_price.id, "quantity": 1}],
            "success_url": "https://shop.example.com/",
            "allow_promotion_codes": True,
        }
    )
    fresh.pay_checkout(str(session.url), promotion_code="hello")
    paid = sdk_stripe.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["invoice.discounts.source.coupon", "discounts.promotion_code"]}
    )
    assert isinstance(paid.invoice, stripe.Invoice)
    (discount,) = paid.invoice.discounts
    assert isinstance(discount, stripe.Discount)
    assert isinstance(discount.source.coupon, stripe.Coupon)
    assert discount.source.coupon.amount_off == 300
    assert (paid.invoice.total, paid.amount_total) == (600, 600)
    assert sdk_stripe.v1.promotion_codes.retrieve(promotion.id).active is False


def test_automatic_tax_is_on_the_session_and_on_the_invoice(
    sdk_stripe: stripe.StripeClient, fresh: SandboxControl, sdk_price: stripe.Price
) -> None:
    fresh.change_settings(tax_percents={"DE": 19})
    session = sdk_stripe.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": sdk_price.id, "quantity": 1}],
            "success_url": "https://shop.example.com/",
            "automatic_tax": {"enabled": True},
            "tax_id_collection": {"enabled": True},
        }
    )
    fresh.pay_checkout(str(session.url), country="DE", tax_id="DE123456789", business_name="Acme")
    paid = sdk_stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert paid.total_details is not None
    assert isinstance(paid.invoice, stripe.Invoice)
    assert paid.total_details.amount_tax == 171
    assert paid.invoice.total_taxes is not None
    assert [row.amount for row in paid.invoice.total_taxes] == [171]
    assert paid.invoice.customer_tax_ids is not None
    assert [row.value for row in paid.invoice.customer_tax_ids] == ["DE123456789"]
