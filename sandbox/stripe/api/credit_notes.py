"""Credit notes."""

from __future__ import annotations

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import invalid, parameter_missing
from sandbox.stripe.flows import credit_notes as flow
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import credit_notes as shapes
from sandbox.types import Json

CREATE = (
    "invoice", "amount", "lines", "refund_amount", "credit_amount", "out_of_band_amount",
    "refunds", "reason", "memo", "metadata",
)  # fmt: skip
REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")


def credit_note_create(call: Call) -> Json:
    """POST /v1/credit_notes."""
    params = call.params
    params.allow(CREATE)
    invoice = call.world.objects.get("invoice", params.required("invoice"), "invoice")
    return flow.credit_note_new(
        call.world,
        invoice,
        _lines(params, invoice),
        _ways(call),
        reason=params.choice("reason", REASONS, REASONS[0]) if params.text("reason") else None,
        memo=params.text("memo"),
        metadata=params.merged_metadata(),
    )


def _lines(params: Params, invoice: Json) -> list[Json]:
    wanted, amount = params.children("lines"), params.number("amount")
    if wanted and amount is not None:
        raise invalid("You may only specify one of these parameters: amount, lines.", "amount")
    if wanted:
        return [_line(item, invoice) for item in wanted]
    if amount is None:
        raise parameter_missing("amount")
    if amount <= 0 or not invoice["total"]:
        raise invalid("Invalid positive integer", "amount")
    return [flow.line_of_amount(invoice, amount)]


def _line(item: Params, invoice: Json) -> Json:
    item.allow(("type", "invoice_line_item", "amount", "quantity", "description", "unit_amount"))
    kind = item.choice("type", ("invoice_line_item", "custom_line_item"), item.required("type"))
    quantity = item.number("quantity")
    if kind == "custom_line_item":
        return _custom_line(item, quantity or 1)
    named = item.required("invoice_line_item")
    lines = {line["id"]: line for line in invoice["lines"]["data"]}
    if named not in lines:
        message = f"No such invoice line item: '{named}'"
        raise invalid(message, item.path("invoice_line_item"), "resource_missing")
    line = lines[named]
    amount = item.number("amount")
    if amount is None:
        amount = round(line["amount"] * (quantity or line["quantity"]) / line["quantity"])
    return flow.line_of_invoice(line, amount)


def _custom_line(item: Params, quantity: int) -> Json:
    unit = item.number("unit_amount", item.number("amount"))
    if unit is None:
        raise parameter_missing(item.path("unit_amount"))
    return shapes.line(
        amount=unit * quantity,
        description=item.required("description"),
        quantity=quantity,
        source=None,
        unit_amount=unit,
        unit_amount_decimal=str(unit),
    )


def _ways(call: Call) -> flow.Compensation:
    params = call.params
    named = [item.required("refund") for item in params.children("refunds")]
    return flow.Compensation(
        refund=params.number("refund_amount", 0) or 0,
        balance=params.number("credit_amount", 0) or 0,
        elsewhere=params.number("out_of_band_amount", 0) or 0,
        refunds=[call.world.objects.get("refund", name, "refunds") for name in named],
    )


def credit_note_retrieve(call: Call) -> Json:
    """GET /v1/credit_notes/{id}."""
    return call.world.objects.get("credit_note", call.id)


def credit_note_list(call: Call) -> Json:
    """GET /v1/credit_notes."""
    return call.listed("credit_note", "/v1/credit_notes", "customer", "invoice")


def credit_note_update(call: Call) -> Json:
    """POST /v1/credit_notes/{id}."""
    note, params = credit_note_retrieve(call), call.params
    params.allow(("memo", "metadata"))
    changes: Json = {"metadata": params.merged_metadata(note["metadata"])}
    if "memo" in params:
        changes["memo"] = params.text("memo")
    return call.world.update(note, "credit_note.updated", **changes)


def credit_note_lines(call: Call) -> Json:
    """GET /v1/credit_notes/{id}/lines."""
    call.params.allow(LIST_PARAMS)
    return dict(credit_note_retrieve(call)["lines"])


ROUTES: Table = [
    ("POST", "/v1/credit_notes", credit_note_create),
    ("GET", "/v1/credit_notes", credit_note_list),
    ("GET", "/v1/credit_notes/{id}", credit_note_retrieve),
    ("POST", "/v1/credit_notes/{id}", credit_note_update),
    ("GET", "/v1/credit_notes/{id}/lines", credit_note_lines),
]
