"""What costs money or cannot be undone needs a plan.

That is a dry run that still matches what is there, and is used once.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from fleet.models import AgentPlan
from tenants.models import User
from wopr.common.errors import Refused

LIFETIME = timedelta(minutes=10)


def plan_make(
    *, user: User, action: str, target: str, there: dict[str, Any], effects: str
) -> AgentPlan:
    """Keeps what was there when the agent was told what would happen."""
    return AgentPlan.objects.create(
        user=user,
        action=action,
        target=target,
        effects=effects,
        digest=_digest(there),
        expires_at=timezone.now() + LIFETIME,
    )


def plan_use(*, plan_id: str, user: User, action: str, target: str, there: dict[str, Any]) -> None:
    """Uses the plan up. Refused unless it is this person's, for this, fresh, and still true."""
    plan = _plan(plan_id, user)
    if (plan.action, plan.target) != (action, target):
        raise Refused("plan_for_another", f"This plan is to {plan}.", field="plan_id", status=409)
    if plan.expires_at <= timezone.now():
        raise Refused("plan_expired", _AGAIN.format("The plan is too old"), status=409)
    if plan.digest != _digest(there):
        raise Refused("plan_stale", _AGAIN.format(f"{target} changed meanwhile"), status=409)
    free = AgentPlan.objects.filter(pk=plan.pk, used_at=None)
    if not free.update(used_at=timezone.now()):
        raise Refused("plan_used", _AGAIN.format("The plan was used already"), status=409)


_AGAIN = "{}; nothing was done. Call again with dry_run=true, and look at what it says."


def _plan(plan_id: str, user: User) -> AgentPlan:
    if not plan_id:
        raise Refused(
            "plan_needed", _AGAIN.format("This costs money or cannot be undone"), field="plan_id"
        )
    try:
        plan = AgentPlan.objects.filter(pk=UUID(plan_id), user=user).first()
    except ValueError:
        plan = None
    if plan is None:
        raise Refused("unknown_plan", _AGAIN.format("You have no such plan"), field="plan_id")
    return plan


def _digest(there: dict[str, Any]) -> str:
    written = json.dumps(there, sort_keys=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()
