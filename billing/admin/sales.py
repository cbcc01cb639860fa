"""Plans, checkouts and entitlements."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from djstripe.models import Event, Subscription
from unfold.admin import TabularInline

from billing import services
from billing.models import AddOn, Checkout, Entitlement, IncludedUsage, Plan, Price
from tenants.models import Tenant
from wopr.common.staff.links import belongs_to, correlation_link, link, named
from wopr.common.staff.looks import moment, mono, outside, pill
from wopr.common.staff.pages import MachineOwned, StaffAdmin, confirmed
from wopr.common.templatetags.figures import cpus, memory, money

named(Checkout, lambda checkout: f"{checkout.plan} for {checkout.tenant}")
named(Entitlement, lambda entitlement: str(entitlement.tenant))


class PriceInline(TabularInline):  # type: ignore[misc]
    """A new amount is a new price at Stripe; those who pay the old one keep it."""

    model = Price
    extra = 0
    fields = ("interval", "currency", "amount", "stripe_price_id")
    readonly_fields = ("stripe_price_id",)


class IncludedUsageInline(TabularInline):  # type: ignore[misc]
    """What the price covers in a calendar month; customers see it beside what they used."""

    model = IncludedUsage
    extra = 0
    verbose_name_plural = "included each month"
    fields = ("meter", "quantity")


class OfferAdmin(StaffAdmin):
    """Something that is sold: its rows say what it is, and Stripe is brought in line with them."""

    inlines: tuple[type[TabularInline], ...] = (PriceInline,)
    readonly_fields = ("stripe_product_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("prices")  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The code names the product at Stripe, so it stays."""
        return (*self.readonly_fields, "code") if obj is not None else self.readonly_fields

    @admin.display(description="price")
    def priced(self, offer: Any) -> str:
        prices = offer.prices.all()
        return ", ".join(f"{money(p.amount, p.currency)} a {p.interval}" for p in prices) or "–"

    @admin.display(description="at Stripe", boolean=True)
    def at_stripe(self, offer: Any) -> bool:
        return any(price.stripe_price_id for price in offer.prices.all())


@admin.register(AddOn)
class AddOnAdmin(OfferAdmin):
    """What can be bought beside a plan. `manage.py stripe_sync` brings it to Stripe."""

    list_display = ("name", "code", "priced", "bots", "memory_mb", "disk_gb", "on_sale")
    search_fields = ("name", "code")
    fieldsets = (
        (None, {"fields": ("name", "code", "description", "on_sale", "position")}),
        ("Adds", {"fields": ("bots", "memory_mb", "disk_gb")}),
        ("Stripe", {"fields": ("stripe_product_id",)}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """It is taken off sale; those who have it keep it."""
        return False


@admin.register(Plan)
class PlanAdmin(OfferAdmin):
    """What is sold. Other limits reach those who have the plan; other prices do not."""

    list_display = (
        "name",
        "code",
        "priced",
        "memory",
        "cpu",
        "disk",
        "placement",
        "on_sale",
        "position",
        "at_stripe",
    )
    list_filter = ("on_sale", "placement")
    search_fields = ("name", "code", "prices__stripe_price_id")
    inlines = (PriceInline, IncludedUsageInline)
    actions_detail = ("offer",)
    fieldsets = (
        (None, {"fields": ("name", "code", "description", "on_sale", "position", "trial_days")}),
        (
            "Limits of each bot",
            {"fields": ("memory_mb", "cpu_millis", "pids", "disk_gb", "backups_kept")},
        ),
        ("Placement", {"fields": ("bots", "placement")}),
        ("Stripe", {"fields": ("stripe_product_id",)}),
    )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change:
            services.plan_apply(plan=form.instance)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A plan is taken off sale; those who have it keep it."""
        return False

    @confirmed(
        "Publish at Stripe",
        icon="cloud_upload",
        ask="Publish this plan at Stripe?",
        effects="A worker brings the product and its prices at Stripe in line with this page. A "
        "price that is not here any more is archived there: nobody new pays it.",
    )
    def offer(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        plan = get_object_or_404(Plan, pk=object_id)
        return self.carry_out(
            request,
            plan,
            lambda: services.plan_offer(plan=plan),
            f"A worker publishes {plan.name} at Stripe; its ids appear below.",
        )

    @admin.display(ordering="memory_mb")
    def memory(self, plan: Plan) -> str:
        return memory(plan.memory_mb)

    @admin.display(description="CPUs", ordering="cpu_millis")
    def cpu(self, plan: Plan) -> str:
        return cpus(plan.cpu_millis)

    @admin.display(ordering="disk_gb")
    def disk(self, plan: Plan) -> str:
        return f"{plan.disk_gb} GB"


@admin.register(Entitlement)
class EntitlementAdmin(MachineOwned):
    """What each tenant may run, as last read from Stripe."""

    list_display = ("tenant_link", "state", "plan_link", "bots", "period_end", "refreshed")
    list_filter = ("status", "plan", "cancel_at_period_end")
    search_fields = ("tenant__slug", "stripe_subscription_id", "correlation_id")
    list_select_related = ("tenant", "plan")
    fieldsets = (
        (None, {"fields": ("tenant_link", "state", "plan_link", "bots", "paid")}),
        (
            "Limits of each bot",
            {"fields": ("memory_mb", "cpu_millis", "pids", "disk_gb", "backups_kept")},
        ),
        ("Subscription", {"fields": ("subscription", "period_end", "cancel_at_period_end")}),
        ("Record", {"fields": ("refreshed", "trace")}),
    )

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, entitlement: Entitlement) -> SafeString | str:
        return link(entitlement.tenant)

    @admin.display(description="state", ordering="status")
    def state(self, entitlement: Entitlement) -> SafeString:
        return pill(entitlement.status)

    @admin.display(description="plan", ordering="plan__position")
    def plan_link(self, entitlement: Entitlement) -> SafeString | str:
        return link(entitlement.plan)

    @admin.display(description="pays", ordering="amount")
    def paid(self, entitlement: Entitlement) -> str:
        row = entitlement
        return f"{money(row.amount, row.currency)} a {row.interval}" if row.currency else "–"

    @admin.display(description="subscription")
    def subscription(self, entitlement: Entitlement) -> SafeString | str:
        known = Subscription.objects.filter(id=entitlement.stripe_subscription_id).first()
        return link(known, known.id) if known else mono(entitlement.stripe_subscription_id)

    @admin.display(description="period ends", ordering="current_period_end")
    def period_end(self, entitlement: Entitlement) -> SafeString | str:
        return moment(entitlement.current_period_end)

    @admin.display(description="read from Stripe", ordering="refreshed_at")
    def refreshed(self, entitlement: Entitlement) -> SafeString | str:
        return moment(entitlement.refreshed_at)

    @admin.display(description="done together with")
    def trace(self, entitlement: Entitlement) -> SafeString | str:
        return correlation_link(entitlement.correlation_id)


@admin.register(Checkout)
class CheckoutAdmin(MachineOwned):
    """Attempts to buy."""

    list_display = ("tenant_link", "plan_link", "state", "created", "expires", "session")
    list_filter = ("status", "plan", "created_at")
    search_fields = ("tenant__slug", "stripe_session_id", "correlation_id")
    list_select_related = ("tenant", "plan")
    fieldsets = (
        (None, {"fields": ("tenant_link", "plan_link", "interval", "quantity", "state", "page")}),
        ("Record", {"fields": ("id", "session", "created", "expires", "trace")}),
    )

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, checkout: Checkout) -> SafeString | str:
        return link(checkout.tenant)

    @admin.display(description="plan", ordering="plan__position")
    def plan_link(self, checkout: Checkout) -> SafeString | str:
        return link(checkout.plan)

    @admin.display(description="state", ordering="status")
    def state(self, checkout: Checkout) -> SafeString:
        return pill(checkout.status)

    @admin.display(description="created", ordering="created_at")
    def created(self, checkout: Checkout) -> SafeString | str:
        return moment(checkout.created_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, checkout: Checkout) -> SafeString | str:
        return moment(checkout.expires_at)

    @admin.display(description="Stripe session")
    def session(self, checkout: Checkout) -> SafeString | str:
        return mono(checkout.stripe_session_id)

    @admin.display(description="payment page")
    def page(self, checkout: Checkout) -> SafeString | str:
        return outside(checkout.url, "Open the payment page") if checkout.url else "–"

    @admin.display(description="done together with")
    def trace(self, checkout: Checkout) -> SafeString | str:
        return correlation_link(checkout.correlation_id)


@belongs_to(Tenant, "Entitlement")
def _entitlement_of(tenant: Tenant) -> QuerySet[Entitlement]:
    return Entitlement.objects.filter(tenant=tenant).select_related("tenant")


@belongs_to(Tenant, "Checkouts", more="tenant__id__exact={pk}")
def _checkouts_of(tenant: Tenant) -> QuerySet[Checkout]:
    return tenant.checkouts.select_related("tenant", "plan")


@belongs_to(Entitlement, "Checkouts")
def _checkouts_for(entitlement: Entitlement) -> QuerySet[Checkout]:
    return Checkout.objects.filter(tenant=entitlement.tenant_id).select_related("tenant", "plan")


@belongs_to(Entitlement, "Derived after event")
def _event_before(entitlement: Entitlement) -> Any:
    return Event.objects.filter(id=entitlement.correlation_id)


@belongs_to(Checkout, "Entitlement")
def _entitlement_for(checkout: Checkout) -> QuerySet[Entitlement]:
    return Entitlement.objects.filter(tenant=checkout.tenant_id).select_related("tenant")


@belongs_to(Plan, "Entitlements", more="plan__id__exact={pk}")
def _entitlements_on(plan: Plan) -> QuerySet[Entitlement]:
    return Entitlement.objects.filter(plan=plan).select_related("tenant")
