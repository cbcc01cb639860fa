"""How the admin looks: Unfold's settings. The order of the sidebar is the order of the business."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    """A line of the sidebar: the list of a model, seen by whoever may see its rows."""
    app, name = model.split(".")

    def may_see(request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{app}.view_{name}"))

    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": may_see,
    }


def _sees_letters(request: HttpRequest) -> bool:
    return bool(request.user.has_perms(("tenants.view_message", "tenants.view_document")))


_SAMPLES = {
    "title": "Samples",
    "icon": "preview",
    "link": reverse_lazy("admin-samples"),
    "permission": _sees_letters,
}


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": False, "items": list(items)}


ADMIN_LOOK: dict[str, Any] = {
    "SITE_TITLE": "WOPR",
    "SITE_HEADER": "WOPR",
    "SITE_SUBHEADER": "Control plane",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("dashboard/icon.svg"),
        }
    ],
    "SITE_ICON": lambda request: static("dashboard/icon.svg"),
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "8px",
    "STYLES": [lambda request: static("admin/wopr.css")],
    "DASHBOARD_CALLBACK": "wopr.overview.overview",
    "COMMAND": {
        "search_models": [
            "tenants.tenant",
            "tenants.user",
            "fleet.instance",
            "fleet.operation",
            "dns.record",
            "dns.customdomain",
            "djstripe.customer",
        ]
    },
    "COLORS": {
        "base": {
            "50": "#f7f9fb",
            "100": "#eef2f6",
            "200": "#d5dde6",
            "300": "#b9c6d3",
            "400": "#9fb0c3",
            "500": "#5d7186",
            "600": "#3b4f63",
            "700": "#243040",
            "800": "#121922",
            "900": "#0b0f14",
            "950": "#06090c",
        },
        "primary": {
            "50": "#eaf7f0",
            "100": "#d0eedf",
            "200": "#a5dfc2",
            "300": "#79d3a7",
            "400": "#4cc38a",
            "500": "#4cc38a",
            "600": "#0b6b43",
            "700": "#095a38",
            "800": "#07472c",
            "900": "#053521",
            "950": "#032416",
        },
        "font": {
            "subtle-light": "#506478",
            "subtle-dark": "#9fb0c3",
            "default-light": "#10202f",
            "default-dark": "#e6edf3",
            "important-light": "#10202f",
            "important-dark": "#e6edf3",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {
                        "title": "Overview",
                        "icon": "monitoring",
                        "link": reverse_lazy("admin:index"),
                    }
                ]
            },
            _group(
                "Customers",
                _item("Tenants", "apartment", "tenants.tenant"),
                _item("Users", "person", "tenants.user"),
                _item("Single sign-on", "passkey", "socialaccount.socialaccount"),
                _item("API keys", "key", "tenants.apikey"),
                _item("Second factors", "passkey", "mfa.authenticator"),
                _item("Looked at by staff", "visibility", "tenants.impersonation"),
                _item("Deletions", "person_remove", "tenants.deletion"),
                _item("Messages", "mail", "tenants.message"),
                _item("Documents", "description", "tenants.document"),
                _SAMPLES,
            ),
            _group(
                "Billing",
                _item("Plans", "sell", "billing.plan"),
                _item("Add-ons", "add_shopping_cart", "billing.addon"),
                _item("Entitlements", "verified", "billing.entitlement"),
                _item("Checkouts", "shopping_cart", "billing.checkout"),
                _item("Holds", "gavel", "billing.hold"),
                _item("Reprieves", "hourglass_top", "billing.reprieve"),
                _item("Differences", "difference", "billing.finding"),
                _item("Customers", "badge", "djstripe.customer"),
                _item("Subscriptions", "autorenew", "djstripe.subscription"),
                _item("Invoices", "receipt_long", "djstripe.invoice"),
                _item("Charges", "credit_card", "djstripe.charge"),
                _item("Webhooks", "webhook", "djstripe.webhookeventtrigger"),
                _item("Events", "bolt", "djstripe.event"),
                _item("Event cursor", "bookmark", "billing.eventcursor"),
            ),
            _group(
                "Fleet",
                _item("Bots", "smart_toy", "fleet.instance"),
                _item("Backups", "backup", "fleet.backup"),
                _item("Operations", "manufacturing", "fleet.operation"),
                _item("Events", "bolt", "fleet.instanceevent"),
                _item("Leaks", "water_drop", "fleet.leak"),
                _item("Servers", "dns", "fleet.server"),
                _item("Providers", "storefront", "fleet.providerhealth"),
                _item("Offers", "request_quote", "fleet.catalogueoffer"),
                _item("Agents' plans", "smart_toy", "fleet.agentplan"),
                _item("Nodes", "dns", "fleet.node"),
                _item("Machines' differences", "difference", "fleet.drift"),
                _item("Releases", "package_2", "fleet.release"),
                _item("Rollouts", "rocket_launch", "fleet.rollout"),
                _item("Pinned tenants", "keep", "fleet.tenantpin"),
                _item("Routes", "route", "fleet.route"),
                _item("DNS records", "globe", "dns.record"),
                _item("Custom domains", "language", "dns.customdomain"),
            ),
            _group(
                "Inference",
                _item("GPU nodes", "memory", "gpu.gpunode"),
                _item("Services' history", "history", "gpu.servicechange"),
                _item("Remedies", "healing", "gpu.remedy"),
                _item("Budgets", "savings", "gpu.budget"),
                _item("Spent", "payments", "gpu.allowance"),
            ),
            _group(
                "Platform",
                _item("Audit", "policy", "audit.auditentry"),
                _item("Logbook", "menu_book", "audit.logbookentry"),
                _item("Breakers", "electrical_services", "common.breaker"),
                _item("Alarms", "campaign", "common.alarm"),
                _item("Heartbeats", "ecg_heart", "common.heartbeat"),
                _item("Schedule", "event_repeat", "django_celery_beat.periodictask"),
                _item("Groups", "group", "auth.group"),
            ),
        ],
    },
}
