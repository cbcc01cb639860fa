"""Stripe's objects as dj-stripe last stored them: to look at and to follow, never to change here.

dj-stripe's own pages call Stripe inside the request (cancel, resync) and write API keys and
webhook secrets to the database. None of them is kept.
"""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from djstripe.models import (
    Account,
    Charge,
    Customer,
    Event,
    Invoice,
    PaymentIntent,
    PaymentMethod,
    Price,
    Product,
    Refund,
    Session,
    Subscription,
    WebhookEventTrigger,
)

from billing import holds
from billing.models import Entitlement, Plan
from tenants.models import Tenant
from wopr.common.staff.links import belongs_to, correlation_link, link, named
from wopr.common.staff.looks import EMPTY, moment, outside, pill, structure
from wopr.common.staff.pages import MachineOwned, ReasonForm, confirmed, replace_pages
from wopr.common.templatetags.figures import money

replace_pages(*apps.get_app_config("djstripe").get_models())
for model in (Charge, Customer, Invoice, Subscription):
    named(model, lambda row: str(row.id))
named(Event, lambda event: f"{event.type} {event.id}")


class StripeObjectAdmin(MachineOwned):
    """Any object of Stripe: its id, its address at Stripe, and all that Stripe said of it."""

    list_display: tuple[str, ...] = ("id", "created_there", "livemode")
    list_filter: tuple[str, ...] = ("livemode", "created")
    search_fields: tuple[str, ...] = ("id",)
    list_select_related: tuple[str, ...] = ("djstripe_owner_account",)
    facts: tuple[str, ...] = ()

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        return [
            (None, {"fields": ("id", *self.facts, "created_there", "at_stripe")}),
            ("As Stripe sent it", {"fields": ("livemode", "raw")}),
        ]

    @admin.display(description="created at Stripe", ordering="created")
    def created_there(self, row: Any) -> SafeString | str:
        return moment(row.created)

    @admin.display(description="at Stripe")
    def at_stripe(self, row: Any) -> SafeString | str:
        return outside(row.get_stripe_dashboard_url(), "Open in Stripe’s dashboard")

    @admin.display(description="data")
    def raw(self, row: Any) -> SafeString | str:
        return structure(row.stripe_data)

    @admin.display(description="customer")
    def customer_link(self, row: Any) -> SafeString | str:
        return link(row.customer, row.customer.id) if row.customer else EMPTY

    @admin.display(description="state")
    def state(self, row: Any) -> SafeString | str:
        status = row.stripe_data.get("status")
        return pill(status) if status else EMPTY

    @admin.display(description="amount")
    def sum(self, row: Any) -> str:
        data = row.stripe_data
        amount = next((data[k] for k in ("total", "amount", "unit_amount") if k in data), None)
        return money(amount, data["currency"]) if amount is not None else EMPTY


@admin.register(Customer)
class CustomerAdmin(StripeObjectAdmin):
    list_display = ("id", "email", "tenant_link", "created_there", "livemode")
    search_fields = ("id", "email", "subscriber__slug")
    list_select_related = ("djstripe_owner_account", "subscriber")
    facts = ("email", "tenant_link")

    @admin.display(description="tenant", ordering="subscriber__slug")
    def tenant_link(self, customer: Any) -> SafeString | str:
        return link(customer.subscriber)


class CustomersObjectAdmin(StripeObjectAdmin):
    """Any object that belongs to a customer and has a state."""

    list_display: tuple[str, ...] = ("id", "customer_link", "state", "created_there", "livemode")
    search_fields = ("id", "customer__id", "customer__email", "customer__subscriber__slug")
    list_select_related = ("djstripe_owner_account", "customer")
    facts: tuple[str, ...] = ("customer_link", "state")


admin.site.register([Subscription, Session], CustomersObjectAdmin)


@admin.register(Invoice, PaymentIntent)
class PaymentAdmin(CustomersObjectAdmin):
    list_display = ("id", "customer_link", "sum", "state", "created_there", "livemode")
    facts = ("customer_link", "sum", "state")


@admin.register(Charge)
class ChargeAdmin(PaymentAdmin):
    """A payment. Who is to get it back as a kindness is named here before it is refunded."""

    actions_detail = ("goodwill",)

    @confirmed(
        "A refund will be goodwill",
        icon="volunteer_activism",
        ask="Is a refund of this payment goodwill?",
        effects="Refunding it in full at Stripe, now or later, will not suspend the tenant.",
        form=ReasonForm,
        proof=True,
    )
    def goodwill(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        charge = get_object_or_404(Charge, pk=unquote(object_id))
        tenant = get_object_or_404(Tenant, pk=charge.customer and charge.customer.subscriber_id)
        return self.carry_out(
            request,
            charge,
            lambda: holds.refund_announce(
                tenant=tenant,
                charge_id=charge.id,
                note=form.cleaned_data["note"],
                by=str(request.user),
            ),
            f"A refund of {charge.id} will count as goodwill; make it at Stripe.",
        )


@admin.register(PaymentMethod)
class PaymentMethodAdmin(StripeObjectAdmin):
    list_display = ("id", "customer_link", "created_there", "livemode")
    list_select_related = ("djstripe_owner_account", "customer")
    facts = ("customer_link",)


@admin.register(Price, Refund)
class PricedAdmin(StripeObjectAdmin):
    list_display = ("id", "sum", "created_there", "livemode")
    facts = ("sum",)


@admin.register(Product)
class ProductAdmin(StripeObjectAdmin):
    list_display = ("id", "name", "active", "created_there", "livemode")
    search_fields = ("id", "name")
    facts = ("name", "active")


@admin.register(Account)
class AccountAdmin(StripeObjectAdmin):
    """The seller's own account."""


@admin.register(Event)
class EventAdmin(StripeObjectAdmin):
    list_display = ("id", "type", "created_there", "livemode")
    list_filter = ("type", "livemode", "created")
    search_fields = ("id", "type")
    facts = ("type", "trace")

    @admin.display(description="done because of it")
    def trace(self, event: Any) -> SafeString | str:
        return correlation_link(event.id)

    @admin.display(description="data")
    def raw(self, event: Any) -> SafeString | str:
        return structure(event.data)


@belongs_to(Tenant, "Stripe customer")
def _customers_of(tenant: Tenant) -> Any:
    return Customer.objects.filter(subscriber=tenant)


@belongs_to(Tenant, "Stripe subscriptions")
def _subscriptions_of(tenant: Tenant) -> Any:
    return Subscription.objects.filter(customer__subscriber=tenant)


@belongs_to(Customer, "Subscriptions")
def _subscriptions_by(customer: Any) -> Any:
    return Subscription.objects.filter(customer=customer)


@belongs_to(Customer, "Invoices", more="customer__djstripe_id__exact={pk}")
def _invoices_by(customer: Any) -> Any:
    return Invoice.objects.filter(customer=customer)


@belongs_to(Customer, "Charges", more="customer__djstripe_id__exact={pk}")
def _charges_by(customer: Any) -> Any:
    return Charge.objects.filter(customer=customer)


@belongs_to(Subscription, "Entitlement")
def _entitlement_by(subscription: Any) -> QuerySet[Entitlement]:
    known = Entitlement.objects.filter(stripe_subscription_id=subscription.id)
    return known.select_related("tenant")


@belongs_to(Price, "Plan")
def _plan_at(price: Any) -> QuerySet[Plan]:
    return Plan.objects.filter(prices__stripe_price_id=price.id)


@belongs_to(Event, "Deliveries")
def _deliveries_of(event: Any) -> Any:
    return WebhookEventTrigger.objects.filter(event=event)
