"""Invoices, payment intents, charges, refunds, disputes."""

from __future__ import annotations

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import invalid, parameter_missing
from sandbox.stripe.flows import cards, disputes, invoices, payments
from sandbox.stripe.objects import listing, page
from sandbox.types import Json


def invoice_retrieve(call: Call) -> Json:
    """GET /v1/invoices/{id}."""
    return call.world.objects.get("invoice", call.id)


def invoice_list(call: Call) -> Json:
    """GET /v1/invoices."""
    call.params.allow((*LIST_PARAMS, "customer", "status", "subscription", "collection_method"))
    params = call.params
    found = [
        row
        for row in call.world.objects.of("invoice")
        if params.text("customer") in (None, row["customer"])
        and params.text("status") in (None, row["status"])
        and params.text("subscription")
        in (None, row["parent"]["subscription_details"]["subscription"])
    ]
    return page(found, params, "/v1/invoices")


def invoice_lines(call: Call) -> Json:
    """GET /v1/invoices/{id}/lines."""
    call.params.allow(LIST_PARAMS)
    return dict(invoice_retrieve(call)["lines"])


def invoice_pay(call: Call) -> Json:
    """POST /v1/invoices/{id}/pay."""
    invoice = invoice_retrieve(call)
    call.params.allow(("payment_method", "off_session"))
    call.world.objects.alive("customer", invoice["customer"], "customer")
    method_id = call.params.text("payment_method")
    method = cards.method_find(call.world, method_id) if method_id else None
    if invoice["status"] == "draft":
        invoices.invoice_finalize(call.world, invoice)
    if not invoices.invoice_collect(call.world, invoice, method):
        intent = invoices.intent_of(call.world, invoice)
        error = intent["last_payment_error"] if intent else {}
        code = error.get("decline_code", "generic_decline")
        raise cards.decline_error(code, payment_intent=intent)
    return invoice


def invoice_finalize(call: Call) -> Json:
    """POST /v1/invoices/{id}/finalize."""
    call.params.allow(("auto_advance",))
    invoice = invoice_retrieve(call)
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized.", code="invoice_not_editable")
    return invoices.invoice_finalize(call.world, invoice)


def invoice_void(call: Call) -> Json:
    """POST /v1/invoices/{id}/void."""
    call.params.allow(())
    return invoices.invoice_void(call.world, invoice_retrieve(call))


def invoice_payments(call: Call) -> Json:
    """GET /v1/invoice_payments."""
    return call.listed("invoice_payment", "/v1/invoice_payments", "invoice", "status")


def invoice_payment(call: Call) -> Json:
    """GET /v1/invoice_payments/{id}."""
    return call.world.objects.get("invoice_payment", call.id)


def intent_retrieve(call: Call) -> Json:
    """GET /v1/payment_intents/{id}."""
    call.params.values.pop("client_secret", None)
    return call.world.objects.get("payment_intent", call.id, "intent")


def intent_list(call: Call) -> Json:
    """GET /v1/payment_intents."""
    return call.listed("payment_intent", "/v1/payment_intents", "customer")


def charge_retrieve(call: Call) -> Json:
    """GET /v1/charges/{id}."""
    return call.world.objects.get("charge", call.id)


def charge_list(call: Call) -> Json:
    """GET /v1/charges."""
    return call.listed("charge", "/v1/charges", "customer", "payment_intent")


def charge_refunds(call: Call) -> Json:
    """GET /v1/charges/{id}/refunds."""
    charge = charge_retrieve(call)
    rows = [row for row in call.world.objects.of("refund") if row["charge"] == charge["id"]]
    return listing(rows[::-1], f"/v1/charges/{charge['id']}/refunds")


def refund_create(call: Call) -> Json:
    """POST /v1/refunds."""
    params = call.params
    params.allow(("charge", "payment_intent", "amount", "reason", "metadata"))
    reasons = ("duplicate", "fraudulent", "requested_by_customer")
    reason = params.choice("reason", reasons, reasons[0]) if params.text("reason") else None
    return payments.refund_new(
        call.world,
        _charge_of(call),
        params.number("amount"),
        reason,
        params.merged_metadata(),
    )


def _charge_of(call: Call) -> Json:
    charge_id, intent_id = (
        call.params.text("charge"),
        call.params.text("payment_intent"),
    )
    if intent_id:
        intent = call.world.objects.get("payment_intent", intent_id, "payment_intent")
        charge_id = intent["latest_charge"]
        if intent["status"] != "succeeded":
            message = (
                f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
            )
            raise invalid(message, "payment_intent")
    if not charge_id:
        raise parameter_missing("payment_intent")
    return call.world.objects.get("charge", charge_id, "charge")


def refund_retrieve(call: Call) -> Json:
    """GET /v1/refunds/{id}."""
    return call.world.objects.get("refund", call.id)


def refund_update(call: Call) -> Json:
    """POST /v1/refunds/{id}: only its metadata can change."""
    refund = refund_retrieve(call)
    call.params.allow(("metadata",))
    call.world.update(
        refund, "refund.updated", metadata=call.params.merged_metadata(refund["metadata"])
    )
    call.world.emit("charge.refund.updated", refund)
    return refund


def refund_list(call: Call) -> Json:
    """GET /v1/refunds."""
    return call.listed("refund", "/v1/refunds", "charge", "payment_intent")


def dispute_retrieve(call: Call) -> Json:
    """GET /v1/disputes/{id}."""
    return call.world.objects.get("dispute", call.id)


def dispute_list(call: Call) -> Json:
    """GET /v1/disputes."""
    return call.listed("dispute", "/v1/disputes", "charge", "payment_intent")


def dispute_close(call: Call) -> Json:
    """POST /v1/disputes/{id}/close: give in."""
    call.params.allow(())
    return disputes.dispute_close(call.world, dispute_retrieve(call), "lost")


def movement_retrieve(call: Call) -> Json:
    """GET /v1/balance_transactions/{id}."""
    return call.world.objects.get("balance_transaction", call.id)


def movement_list(call: Call) -> Json:
    """GET /v1/balance_transactions."""
    return call.listed("balance_transaction", "/v1/balance_transactions", "source", "type")


ROUTES: Table = [
    ("GET", "/v1/invoices", invoice_list),
    ("GET", "/v1/invoices/{id}", invoice_retrieve),
    ("GET", "/v1/invoices/{id}/lines", invoice_lines),
    ("POST", "/v1/invoices/{id}/pay", invoice_pay),
    ("POST", "/v1/invoices/{id}/finalize", invoice_finalize),
    ("POST", "/v1/invoices/{id}/void", invoice_void),
    ("GET", "/v1/invoice_payments", invoice_payments),
    ("GET", "/v1/invoice_payments/{id}", invoice_payment),
    ("GET", "/v1/payment_intents", intent_list),
    ("GET", "/v1/payment_intents/{id}", intent_retrieve),
    ("GET", "/v1/charges", charge_list),
    ("GET", "/v1/charges/{id}", charge_retrieve),
    ("GET", "/v1/charges/{id}/refunds", charge_refunds),
    ("POST", "/v1/refunds", refund_create),
    ("GET", "/v1/refunds", refund_list),
    ("GET", "/v1/refunds/{id}", refund_retrieve),
    ("POST", "/v1/refunds/{id}", refund_update),
    ("GET", "/v1/disputes", dispute_list),
    ("GET", "/v1/disputes/{id}", dispute_retrieve),
    ("POST", "/v1/disputes/{id}/close", dispute_close),
    ("GET", "/v1/balance_transactions", movement_list),
    ("GET", "/v1/balance_transactions/{id}", movement_retrieve),
]
