"""What money has to say of a tenant that is deleted."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Entitlement, Hold, Plan
from billing.standing import Service, standing_for
from tenants.models import Deletion, Tenant

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def paying(tenant: Tenant, plan: Plan) -> Tenant:
    Entitlement.objects.create(tenant=tenant, plan=plan, status="active", bots=1)
    return tenant


def asked(tenant: Tenant, *, due: timedelta) -> Deletion:
    return Deletion.objects.create(tenant=tenant, due_at=timezone.now() + due)


def test_the_service_ends_when_the_deletion_begins_and_not_before(paying: Tenant) -> None:
    deletion = asked(paying, due=DAY)
    assert standing_for(paying.pk).service == Service.RUN
    Deletion.objects.update(due_at=timezone.now())
    assert standing_for(paying.pk).service == Service.END
    Hold.objects.create(tenant=paying, reason="dispute")
    assert standing_for(paying.pk).service == Service.END
    Deletion.objects.filter(pk=deletion.pk).update(withdrawn_at=timezone.now())
    assert standing_for(paying.pk).service == Service.SUSPEND


def test_who_is_banned_destroys_no_evidence_by_leaving(paying: Tenant) -> None:
    Hold.objects.create(tenant=paying, reason="ban")
    asked(paying, due=-DAY)
    assert standing_for(paying.pk).service == Service.SUSPEND


def test_nothing_is_sold_to_who_leaves(api: APIClient, tenant: Tenant, plan: Plan) -> None:
    asked(tenant, due=DAY)
    answer = api.post(f"/api/v1/tenants/{tenant.pk}/checkout", {"plan": plan.code})
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant_leaving")
