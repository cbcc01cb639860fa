"""Receipts, invoices and credit notes: one for each movement of money, however late it comes."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from djstripe.models import Invoice
from pypdf import PdfReader

from billing import notices
from fleet.models import Instance
from fleet.operations.steps import welcome
from tenants.models import Document, Message
from tests.billing.test_disputes import Shop, shop

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)


def words_of(document: Document) -> str:
    pages = PdfReader(io.BytesIO(bytes(document.content))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_a_refund_brings_a_credit_note_that_names_the_payment_and_only_one(shop: Shop) -> None:
    charge = shop.charge["id"]
    shop.account.post("refunds", charge=charge, amount=250, reason="requested_by_customer")
    shop.listen()
    notices.credit_notes_write()
    notices.credit_notes_write()
    note = Document.objects.get(kind="credit_note")
    assert note.tenant == shop.tenant
    words = words_of(note)
    assert "€2.50" in words
    assert charge in words
    assert shop.tenant.name in words


def test_a_refund_is_told_once_by_a_letter_with_the_credit_note(shop: Shop) -> None:
    shop.account.post("refunds", charge=shop.charge["id"], amount=250)
    shop.listen()

    notices.notices_queue()
    notices.notices_queue()

    letter = Message.objects.get(kind="credit_note")
    assert letter.subject == "We returned €2.50"
    assert letter.recipient == shop.tenant.email
    assert letter.attachments.get() == Document.objects.get(kind="credit_note")


def test_each_refund_has_a_credit_note_of_its_own(shop: Shop) -> None:
    for amount in (100, 200):
        shop.account.post("refunds", charge=shop.charge["id"], amount=amount)
        shop.listen()
        notices.credit_notes_write()
    notes = Document.objects.filter(kind="credit_note")
    assert sorted(("€1" in words_of(n), "€2" in words_of(n)) for n in notes) == [
        (False, True),
        (True, False),
    ]


def test_an_invoice_that_is_paid_after_a_month_of_arrears_has_its_receipt(shop: Shop) -> None:
    """Made long ago, paid just now."""
    Invoice.objects.update(created=timezone.now() - timedelta(days=36))
    notices.notices_queue()
    assert Message.objects.filter(kind="receipt").count() == 1
    assert Document.objects.filter(kind="receipt").count() == 1


def test_what_was_paid_long_ago_is_not_told_again(shop: Shop) -> None:
    for invoice in Invoice.objects.all():
        invoice.stripe_data["status_transitions"]["paid_at"] -= 30 * 86_400
        invoice.save()
    notices.notices_queue()
    assert not Message.objects.filter(kind="receipt").exists()


def test_the_welcome_document_is_the_same_when_it_is_made_again(instance: Instance) -> None:
    Instance.objects.update(created_at=timezone.now() - timedelta(days=400))
    instance.refresh_from_db()
    step = welcome.RenderWelcome()
    step.act(instance)
    first = Document.objects.get(kind="welcome")
    first_digest, words = first.sha256, words_of(first)
    first.delete()
    step.act(instance)
    assert Document.objects.get(kind="welcome").sha256 == first_digest
    assert f"{instance.created_at.day} {instance.created_at:%B %Y}" in words
