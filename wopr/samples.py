"""What the letters and documents of samples are about: a customer who does not exist.

Nothing here is stored. One set of values serves all kinds, so that a new kind can be looked at
as soon as its template is there.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from billing.models import Entitlement, Plan
from dns import verification
from dns.models import CustomDomain
from fleet import domain_letters
from fleet.models import Backup, Instance
from tenants.correspondence import seller
from tenants.models import Tenant
from wopr.common.templatetags.figures import money

AMOUNT, CURRENCY = 900, "eur"
_LIMITS = {"memory_mb": 512, "cpu_millis": 500, "pids": 128, "disk_gb": 5}


def sample_context() -> dict[str, Any]:
    tenant = Tenant(slug="sample", name="Sample & Co")
    plan = Plan(code="sample", name="Starter", **_LIMITS)
    # Reached from the tenant, as templates do.
    Entitlement(tenant=tenant, plan=plan, amount=AMOUNT, currency=CURRENCY, interval="month")
    home = f"{settings.WOPR_DASHBOARD_URL}/tenants/{tenant.pk}"
    return {
        "tenant": tenant,
        "seller": seller(),
        "plan": plan,
        "old_plan": Plan(code="before", name="Small", **_LIMITS),
        "instance": Instance(tenant=tenant, slug=tenant.slug, **_LIMITS),
        "dashboard_url": home,
        "action": {"url": home, "label": "Open your dashboard"},
        "by_payment": True,
        "interval": "month",
        "memory_mb": plan.memory_mb,
        "disk_gb": plan.disk_gb,
        "minutes": settings.WOPR_CRASH_MINUTES,
        **_people(),
        **_dates(),
        **_sums(tenant),
        **_end(home),
        **_domain(tenant),
    }


def _domain(tenant: Tenant) -> dict[str, Any]:
    domain = CustomDomain(tenant=tenant, hostname="chat.example.com", target="sample.example.org")
    return {
        "domain": domain,
        "records": verification.settings_of(domain),
        "page": domain_letters.page_of(domain),
        "days": settings.WOPR_DOMAIN_DAYS_TO_PAUSE,
    }


def _people() -> dict[str, Any]:
    return {
        "inviter": "ada@example.com",
        "role": "admin",
        "giver": "ada@example.com",
        "taker": "grace@example.com",
        "what": "the account ada@example.com",
        "expires_at": timezone.now() + timedelta(days=settings.WOPR_INVITATION_DAYS),
    }


def _dates() -> dict[str, Any]:
    now = timezone.now()
    suspends_at = now + timedelta(days=settings.WOPR_GRACE_DAYS)
    return {
        "dated": now,
        "paid_at": now,
        "due_at": now,
        "ended_at": now,
        "trial_ends_at": now + timedelta(days=3),
        "suspends_at": suspends_at,
        "ends_at": suspends_at + timedelta(days=settings.WOPR_RETENTION_DAYS),
    }


def _sums(tenant: Tenant) -> dict[str, Any]:
    return {
        "number": "SAMPLE-0001",
        "email": "somebody@example.com",
        "amount": money(AMOUNT, CURRENCY),
        "lines": [{"description": "1 × Starter (at €9.00 / month)", "amount": AMOUNT}],
        "tax": 144,
        "total": AMOUNT,
        "currency": CURRENCY,
        "sum_label": "Total",
        "corrects": "ch_sample",
    }


def _end(home: str) -> dict[str, Any]:
    now = timezone.now()
    return {
        "absent": ["DNS record", "route", "container", "data volume"],
        "backup": Backup(taken_at=now, proven_at=now, manifest={"./wopr.sqlite": []}),
        "export_url": f"{home}/…",
        "export_until": now + timedelta(days=settings.WOPR_EXPORT_DAYS),
    }
