"""Why is it like this? Everything that was done under one correlation id, on one page."""

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from djstripe.models import Event

from billing.models import Checkout, Entitlement
from fleet.models import Operation
from tenants.models import Message
from wopr.common.staff.links import Group, entries_of


def page(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The trail from the first cause to the last effect, in the order in which things happen."""
    context = {
        **site.each_context(request),
        "title": "What was done together",
        "correlation_id": correlation_id,
        "linked": _trail(correlation_id),
    }
    return TemplateResponse(request, "admin/trail.html", context)


def _trail(correlation_id: str) -> list[Group]:
    # An event's own id is the correlation id of whatever it sets off.
    found = {
        "Checkouts": Checkout.objects.select_related("tenant", "plan").filter(
            correlation_id=correlation_id
        ),
        "Stripe events": Event.objects.filter(id=correlation_id),
        "Entitlements": Entitlement.objects.select_related("tenant").filter(
            correlation_id=correlation_id
        ),
        "Operations": Operation.objects.filter(correlation_id=correlation_id),
        "Messages": Message.objects.defer("text", "html").filter(correlation_id=correlation_id),
    }
    return [Group(title, entries_of(rows), "") for title, rows in found.items()]
