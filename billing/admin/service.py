"""What a tenant's service is, why, and what comes when: the dates of the letters and the dashboard.

All is worked out from rows when somebody looks, so these are lines on pages, not rows.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from billing import usage
from billing.models import Entitlement
from billing.standing import Service, Standing, standings
from billing.usage import MeterStanding
from tenants.models import Tenant
from wopr.common.staff.links import belongs_to

_STATES = {
    Service.RUN: "running",
    Service.SUSPEND: "suspended",
    Service.END: "terminated",
}


@dataclass(frozen=True)
class Line:
    """One line of a group of links, with a state; it leads nowhere."""

    pk: UUID
    text: str
    state: str = ""

    def __str__(self) -> str:
        return self.text


def _lines(tenant_id: UUID) -> list[Line]:
    """The standing in words; nothing for a tenant that never bought anything."""
    told = standings(tenant_ids=[tenant_id]).get(tenant_id)
    return [Line(tenant_id, _words(told), _STATES[told.service])] if told else []


def _words(told: Standing) -> str:
    if told.suspends_at is None or told.ends_at is None:
        return f"on hold: {told.reason}" if told.reason else "paid"
    suspends, ends = _day(told.suspends_at), _day(told.ends_at)
    if told.service == Service.RUN and told.suspends_at <= timezone.now():
        return f"not paid: runs by a reprieve, without it suspended since {suspends}"
    if told.service == Service.RUN:
        return f"not paid: to be suspended on {suspends}, ends on {ends}"
    if told.service == Service.SUSPEND:
        return f"not paid: suspended since {suspends}, ends on {ends}"
    return f"not paid: suspended on {suspends}, ended on {ends}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _usage_words(meter: MeterStanding) -> str:
    cap = "" if meter.cap is None else f", at most {meter.cap:,}"
    return f"{meter.meter.label}: {meter.used:,} of {meter.included:,} included{cap}"


@belongs_to(Tenant, "Service")
def _service_of(tenant: Tenant) -> list[Line]:
    return _lines(tenant.pk)


@belongs_to(Entitlement, "Service")
def _service_for(entitlement: Entitlement) -> list[Line]:
    return _lines(entitlement.tenant_id)


@belongs_to(Tenant, "Usage this month")
def _usage_of(tenant: Tenant) -> list[Line]:
    return [Line(tenant.pk, _usage_words(meter)) for meter in usage.month_of(tenant.pk)]
