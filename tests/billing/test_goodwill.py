"""A refund that is a kindness takes nothing back; said before at Stripe, or later by staff."""

import pytest
from django.test import Client
from djstripe.models import Charge

from billing import holds
from billing.models import Hold
from billing.standing import Service
from tests.admin.pages import press
from tests.billing.test_disputes import Shop, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)
MARK = {"metadata[wopr_goodwill]": "1"}


def test_a_refund_marked_at_stripe_suspends_nobody(shop: Shop) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], **MARK)
    shop.listen()
    assert shop.charge["refunded"]
    assert shop.service() == (Service.RUN, "")
    assert not Hold.objects.exists()


def test_a_double_charge_that_was_mended_suspends_nobody(shop: Shop) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], reason="duplicate")
    shop.listen()
    assert shop.service() == (Service.RUN, "")


@pytest.mark.parametrize("no", ["0", "false", " No "])
def test_a_mark_that_says_no_is_none(shop: Shop, no: str) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], **{"metadata[wopr_goodwill]": no})
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "refund")


def test_a_mark_set_afterwards_lifts_the_hold(shop: Shop) -> None:
    refund = shop.account.post("refunds", charge=shop.charge["id"])
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "refund")
    shop.account.post(f"refunds/{refund['id']}", **MARK)
    shop.listen()
    assert shop.service() == (Service.RUN, "")
    assert "goodwill" in Hold.objects.get().lift_note


def test_a_part_that_was_goodwill_does_not_add_up_to_the_whole(shop: Shop) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], amount=100, **MARK)
    shop.account.post("refunds", charge=shop.charge["id"])
    shop.listen()
    assert shop.charge["refunded"]
    assert shop.service() == (Service.RUN, "")


def test_staff_say_it_afterwards_with_a_reason_and_it_does_not_come_back(
    shop: Shop, staff_client: Client
) -> None:
    shop.account.post("refunds", charge=shop.charge["id"])
    shop.listen()
    press(staff_client, Hold.objects.get(), "goodwill", note="The bot was down for a day.")
    assert shop.service() == (Service.RUN, "")
    hold = Hold.objects.get()
    assert hold.lift_note == "Goodwill: The bot was down for a day."
    assert hold.lifted_by == "staff@example.com"
    shop.told.clear()
    shop.listen()
    assert shop.service() == (Service.RUN, "")


def test_staff_say_it_of_a_payment_before_it_is_refunded(shop: Shop, staff_client: Client) -> None:
    charge = Charge.objects.get(id=shop.charge["id"])
    press(staff_client, charge, "goodwill", note="A month as a thank-you.")
    shop.account.post("refunds", charge=charge.id)
    shop.listen()
    assert shop.charge["refunded"]
    assert shop.service() == (Service.RUN, "")
    assert Hold.objects.get().lift_note == "Goodwill: A month as a thank-you."
    again = press(staff_client, charge, "goodwill", note="Once more.").content.decode()
    assert "counts as goodwill already" in again


def test_said_of_a_payment_after_its_refund_it_lifts_the_hold(
    shop: Shop, staff_client: Client
) -> None:
    shop.account.post("refunds", charge=shop.charge["id"])
    shop.listen()
    assert shop.service() == (Service.SUSPEND, "refund")
    press(staff_client, Charge.objects.get(), "goodwill", note="We were at fault.")
    assert shop.service() == (Service.RUN, "")


def test_a_hold_for_something_else_is_no_refund(shop: Shop, staff_client: Client) -> None:
    holds.hold_place(tenant=shop.tenant, reason="ban", note="Sends spam.", by="staff@example.com")
    page = press(staff_client, Hold.objects.get(), "goodwill", note="Sorry.").content.decode()
    assert "not for a refund" in page
    assert shop.service() == (Service.SUSPEND, "ban")
