"""The pages that Stripe hosts: checkout and the customer portal; and an index."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe.errors import StripeError
from sandbox.stripe.flows import cards, checkout, timeline
from sandbox.stripe.flows import session_prices as prices
from sandbox.stripe.flows import subscriptions as flow
from sandbox.stripe.flows.amounts import unit_text
from sandbox.stripe.flows.taxes import country_of
from sandbox.stripe.version import API_VERSION
from sandbox.stripe.world import World
from sandbox.templating import moment, page
from sandbox.types import Json

SEE_OTHER = 303
SHOWN = 30


def _field(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


class Pages:
    """The pages of one account."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return all pages."""
        return [
            Route("/", self.index),
            Route("/c/pay/{id}", self.checkout_show),
            Route("/c/pay/{id}", self.checkout_pay, methods=["POST"]),
            Route("/p/session/{id}", self.portal_show),
            Route("/p/session/{id}", self.portal_act, methods=["POST"]),
        ]

    async def index(self, _: Request) -> Response:
        """Show what the account holds."""
        world = self.world
        subscriptions = world.objects.of("subscription")
        customers = [
            (
                customer,
                [row for row in subscriptions if row["customer"] == customer["id"]],
            )
            for customer in world.objects.of("customer")[-SHOWN:]
            if not customer.get("deleted")
        ]
        deliveries = world.deliveries.rows
        events = [
            (event, [row for row in deliveries if row.event == event["id"]])
            for event in world.objects.of("event")[: -SHOWN - 1 : -1]
        ]
        sessions = [row for row in world.objects.of("checkout.session") if row["status"] == "open"]
        return page(
            "stripe/index.html",
            version=API_VERSION,
            now=world.now(),
            webhook=world.config.webhook_url,
            mode=world.deliveries.mode,
            customers=customers[::-1],
            sessions=sessions[: -SHOWN - 1 : -1],
            events=events,
        )

    def _found(self, kind: str, request: Request) -> Json | None:
        found = self.world.objects.find(request.path_params["id"])
        return found if found and found["object"] == kind else None

    async def checkout_show(self, request: Request) -> Response:
        """Show what is sold and ask for a card."""
        timeline.advance(self.world, self.world.now())
        session = self._found("checkout.session", request)
        if session is None:
            return _unknown("checkout session")
        return _closed(session) or self._checkout_page(session)

    def _country(self, session: Json) -> str:
        customer = session["customer"] and self.world.objects.find(session["customer"])
        return (country_of(customer) or "") if customer and not customer.get("deleted") else ""

    def _checkout_page(
        self,
        session: Json,
        refused: StripeError | None = None,
        form: FormData | None = None,
        notice: str = "",
    ) -> Response:
        form = form or FormData()
        about_card = refused is not None and refused.error.get("param") in (None, "number")
        hidden = self.world.hidden(session["id"])
        customer = session["customer"] and self.world.objects.find(session["customer"])
        known = (customer or {}).get("email") or session["customer_email"]
        return page(
            "stripe/checkout.html",
            402 if refused else 200,
            session=session,
            lines=hidden["line_items"],
            words=unit_text,
            trial=_trial_text(hidden["subscription_data"]),
            needs_email=not known,
            needs_country=prices.session_asks_country(session),
            country=_field(form, "country") or self._country(session),
            business_name=_field(form, "business_name"),
            tax_id=_field(form, "tax_id"),
            code=_field(form, "promotion_code"),
            notice=notice,
            email=known or _field(form, "email"),
            name=_field(form, "name"),
            number=_field(form, "number"),
            error=str(refused) if about_card else "",
            problem=str(refused) if refused and not about_card else "",
        )

    async def checkout_pay(self, request: Request) -> Response:
        """Take the card: go on to the shop, or say why not."""
        form = await request.form()
        session = self._found("checkout.session", request)
        if session is None:
            return _unknown("checkout session")
        closed = _closed(session)
        if closed:
            return closed
        try:
            if _field(form, "action") == "update":
                return self._checkout_update(session, form)
            checkout.session_pay(self.world, session, _payer(form))
        except StripeError as refused:
            return self._checkout_page(session, refused, form)
        target = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
        return RedirectResponse(target, status_code=SEE_OTHER)

    def _checkout_update(self, session: Json, form: FormData) -> Response:
        """Show what the order costs with a promotion code, or in a country."""
        code = _field(form, "promotion_code")
        if code:
            prices.session_code(self.world, session, code)
        country = prices.session_country(self.world, session, _field(form, "country"))
        prices.session_price(self.world, session, country)
        return self._checkout_page(session, form=form, notice="The total is up to date.")

    async def portal_show(self, request: Request) -> Response:
        """Show a customer's subscriptions, card and invoices."""
        session = self._found("billing_portal.session", request)
        return _unknown("portal session") if session is None else self._portal_page(session)

    def _portal_page(
        self, session: Json, error: str = "", number: str = "", notice: str = ""
    ) -> Response:
        objects, customer_id = self.world.objects, session["customer"]
        running = [row for row in self._own(customer_id) if row["status"] in timeline.RENEWING]
        customer = objects.get("customer", customer_id)
        card = cards.default_method(self.world, running[0], customer) if running else None
        invoices = [row for row in objects.of("invoice") if row["customer"] == customer_id]
        return page(
            "stripe/portal.html",
            402 if error else 200,
            customer=customer,
            subscriptions=running,
            names={row["id"]: row.get("name", row["id"]) for row in objects.of("product")},
            words=unit_text,
            card=card,
            invoices=invoices[::-1],
            return_url=session["return_url"],
            error=error,
            number=number,
            notice=notice,
        )

    def _own(self, customer_id: str) -> list[Json]:
        rows = self.world.objects.of("subscription")
        return [row for row in rows if row["customer"] == customer_id]

    async def portal_act(self, request: Request) -> Response:
        """Cancel, keep, or change the card."""
        form = await request.form()
        session = self._found("billing_portal.session", request)
        if session is None:
            return _unknown("portal session")
        action, number = _field(form, "action"), _field(form, "number")
        try:
            if action == "card":
                customer = self.world.objects.alive("customer", session["customer"])
                cards.card_change(self.world, customer, number)
            else:
                self._portal_subscription(session, action, _field(form, "subscription"))
        except StripeError as refused:
            return self._portal_page(session, str(refused), number)
        return RedirectResponse(request.url.path, status_code=SEE_OTHER)

    def _portal_subscription(self, session: Json, action: str, subscription_id: str) -> None:
        acts: dict[str, Callable[[Json], object]] = {
            "cancel": lambda row: self._schedule(row, True),
            "resume": lambda row: self._schedule(row, False),
            "cancel_now": lambda row: flow.subscription_cancel(self.world, row),
        }
        own = {row["id"]: row for row in self._own(session["customer"])}
        if action in acts and subscription_id in own:
            acts[action](own[subscription_id])

    def _schedule(self, subscription: Json, wanted: bool) -> None:
        changes = flow.cancellation_schedule(self.world, subscription, wanted)
        self.world.update(subscription, flow.UPDATED, **changes)


def _payer(form: FormData) -> checkout.Payer:
    wanted = ("email", "name", "country", "business_name", "tax_id")
    known = {name: _field(form, name) or None for name in wanted}
    code = _field(form, "promotion_code") or None
    return checkout.Payer(_field(form, "number"), **known, code=code)


def _trial_text(data: Json) -> str:
    if data["trial_period_days"]:
        return f"{data['trial_period_days']} days free, then the price above."
    if data["trial_end"]:
        return f"Free until {moment(data['trial_end'])}, then the price above."
    return ""


def _closed(session: Json) -> Response | None:
    if session["status"] == "open":
        return None
    if session["status"] == "complete":
        heading, text = (
            "Already paid",
            "This checkout is complete; nothing more is charged.",
        )
    else:
        heading, text = (
            "Checkout expired",
            "This checkout is over; nothing was charged.",
        )
    link = session["cancel_url"]
    return page("message.html", 410, heading=heading, text=text, link=link, link_text="Back")


def _unknown(what: str) -> Response:
    text = f"There is no such {what} here."
    return page("message.html", 404, heading="Not found", text=text, link=None)
