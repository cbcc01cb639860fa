"""Worker room: invoices, receipts and credit notes as documents, made from what Stripe stored.

The same rows give the same document, byte for byte.
"""

from datetime import UTC, datetime
from typing import Any

from djstripe.models import Invoice, Refund

from tenants import correspondence
from tenants.models import Document, Tenant


def invoice_paper(*, tenant: Tenant, invoice: Invoice) -> Document:
    data = invoice.stripe_data
    return _paper(
        tenant, Document.Kind.INVOICE, data, title=f"Invoice {number_of(data)}", sum_label="Total"
    )


def receipt_paper(*, tenant: Tenant, invoice: Invoice) -> Document:
    data = invoice.stripe_data
    return _paper(
        tenant, Document.Kind.RECEIPT, data, title=f"Receipt {number_of(data)}", sum_label="Paid"
    )


def credit_note_paper(*, tenant: Tenant, refund: Refund) -> Document:
    """What was returned, and of which payment; Stripe itself writes no such paper by default."""
    data = refund.stripe_data
    corrected = (refund.charge.stripe_data.get("receipt_number") if refund.charge else "") or ""
    line = {"description": f"Refund: {data.get('reason') or 'as agreed'}", "amount": data["amount"]}
    note = {
        "id": data["id"],
        "created": data["created"],
        "currency": data["currency"],
        "invoice": corrected or data.get("charge"),
        "lines": {"data": [line]},
        "total": data["amount"],
    }
    title = f"Credit note {data['id']}"
    return _paper(tenant, Document.Kind.CREDIT_NOTE, note, title=title, sum_label="Returned")


def cause_of(stripe_id: str) -> str:
    return f"stripe:{stripe_id}"


def number_of(data: dict[str, Any]) -> str:
    return str(data.get("number") or data["id"])


def paid_at(data: dict[str, Any]) -> datetime | None:
    seconds = (data.get("status_transitions") or {}).get("paid_at")
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _paper(
    tenant: Tenant, kind: Document.Kind, data: dict[str, Any], *, title: str, sum_label: str
) -> Document:
    created = datetime.fromtimestamp(data["created"], UTC)
    due = data.get("due_date")
    return correspondence.document_render(
        tenant=tenant,
        kind=kind,
        cause=cause_of(data["id"]),
        title=title,
        filename=f"{kind.replace('_', '-')}-{number_of(data)}.pdf",
        context={
            "number": number_of(data),
            "email": data.get("customer_email") or tenant.email,
            "dated": created,
            "paid_at": paid_at(data),
            "due_at": datetime.fromtimestamp(due, UTC) if due else created,
            "corrects": data.get("invoice"),
            "lines": _lines(data),
            "tax": sum(tax["amount"] for tax in data.get("total_taxes") or []),
            "total": data["total"],
            "currency": data["currency"],
            "sum_label": sum_label,
        },
    )


def _lines(data: dict[str, Any]) -> list[dict[str, Any]]:
    lines = (data.get("lines") or {}).get("data", [])
    return [{"description": line["description"] or "", "amount": line["amount"]} for line in lines]
