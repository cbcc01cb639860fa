"""Whose bots a request may look into."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from fleet.models import Instance
from tenants.models import Membership, Tenant

# What a bot writes may be private: who only pays for it does not read it.
MAY_WATCH = (Membership.Role.OWNER, Membership.Role.ADMIN, Membership.Role.MEMBER)


def watchable(request: Request, instance_id: UUID) -> Instance:
    """The caller's bot; to strangers there is none (404). Staff watch in the admin."""
    mine = Instance.objects.filter(tenant__in=Tenant.objects.of(request.user))
    instance = get_object_or_404(mine.select_related("tenant"), pk=instance_id)
    roles = instance.tenant.memberships.filter(user__pk=request.user.pk or 0)
    if not roles.filter(role__in=MAY_WATCH).exists():
        raise PermissionDenied(f"Your role in {instance.tenant.name} does not allow this.")
    return instance
