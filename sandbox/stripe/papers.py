"""What Stripe puts on paper: invoices, credit notes, receipts, as pages and as files."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.stripe.flows.invoices import invoice_collect
from sandbox.stripe.pdf import text_page
from sandbox.stripe.world import World
from sandbox.templating import moment, money, page
from sandbox.types import Json


class Papers:
    """The papers of one account."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return the addresses of all papers."""
        return [
            Route("/i/{id}", self.invoice_show),
            Route("/i/{id}", self.invoice_pay, methods=["POST"]),
            Route("/i/{id}/pdf", self.invoice_pdf),
            Route("/credit_notes/{id}/pdf", self.credit_note_pdf),
            Route("/receipts/{id}", self.receipt_show),
        ]

    def _found(self, kind: str, request: Request) -> Json | None:
        found = self.world.objects.find(request.path_params["id"])
        return found if found and found["object"] == kind else None

    async def invoice_show(self, request: Request) -> Response:
        """Show an invoice."""
        invoice = self._found("invoice", request)
        if invoice is None:
            return _unknown("invoice")
        return page("stripe/invoice.html", invoice=invoice, error="")

    async def invoice_pay(self, request: Request) -> Response:
        """Collect an open invoice from the customer's card, as the button on its page does."""
        invoice = self._found("invoice", request)
        if invoice is None:
            return _unknown("invoice")
        paid = invoice["status"] != "open" or invoice_collect(self.world, invoice)
        error = "" if paid else "Your card was declined."
        return page("stripe/invoice.html", 402 if error else 200, invoice=invoice, error=error)

    async def invoice_pdf(self, request: Request) -> Response:
        """Hand out an invoice as a file."""
        invoice = self._found("invoice", request)
        if invoice is None:
            return _unknown("invoice")
        payer = invoice["customer_email"] or invoice["customer"]
        return _file(f"Invoice {invoice['number']}", f"For {payer}", invoice)

    async def credit_note_pdf(self, request: Request) -> Response:
        """Hand out a credit note as a file."""
        note = self._found("credit_note", request)
        if note is None:
            return _unknown("credit note")
        invoice = self.world.objects.get("invoice", note["invoice"])
        return _file(f"Credit note {note['number']}", f"For invoice {invoice['number']}", note)

    async def receipt_show(self, request: Request) -> Response:
        """Show that a charge was paid."""
        charge = self._found("charge", request)
        if charge is None:
            return _unknown("receipt")
        text = f"{charge['description']}: {money(charge['amount'], charge['currency'])}"
        return page("message.html", heading="Receipt", text=text, link=None)


def _file(title: str, about: str, paper: Json) -> Response:
    currency = paper["currency"]
    lines = [
        f"{line['description']}: {money(line['amount'], currency)}"
        for line in paper["lines"]["data"]
    ]
    rest = paper["total"] - paper["subtotal"]
    if rest:
        lines.append(f"Discounts and taxes: {money(rest, currency)}")
    total = f"Total: {money(paper['total'], currency)}, {paper['status']}"
    content = text_page([title, about, moment(paper["created"]), *lines, total])
    return Response(content, media_type="application/pdf")


def _unknown(what: str) -> Response:
    text = f"There is no such {what} here."
    return page("message.html", 404, heading="Not found", text=text, link=None)
