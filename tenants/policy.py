"""Who may do what in a tenant. Every permission of customers and their programs is decided here.

A role holds rights. A key has scopes, and opens no more than the rights of its maker's role: who
leaves a tenant or loses a role takes the power of their keys along.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import QuerySet

from tenants.models import ApiKey, Membership, Tenant

Role, Scope = Membership.Role, ApiKey.Scope


class Right(StrEnum):
    SEE = "see"  # that the tenant, its bots and their operations are there, and how they are
    WATCH = "watch"  # what bots write and use, which may be private
    OPERATE = "operate"  # change what bots do
    PAY = "pay"  # read and change what costs money
    MANAGE = "manage"  # members, names of one's own, and exports with all that a bot knows
    DELEGATE = "delegate"  # make keys
    LEAVE = "leave"  # end one's own membership
    OWN = "own"  # give the tenant away, or end it
    SELF = "self"  # one's own account, in no tenant
    ERASE = "erase"  # have one's own account deleted


_HELD_BY = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: frozenset(Right) - {Right.OWN},
    Role.MEMBER: frozenset({Right.SEE, Right.WATCH, Right.OPERATE, Right.LEAVE, Right.SELF}),
    Role.BILLING: frozenset({Right.SEE, Right.PAY, Right.LEAVE, Right.SELF}),
}
# What is not named here is for people, and never for a key.
_OPENED_BY = {
    Right.SEE: Scope.READ,
    Right.WATCH: Scope.READ,
    Right.OPERATE: Scope.OPERATE,
    Right.PAY: Scope.BILLING,
    Right.MANAGE: Scope.ADMIN,
}


# What a stolen session must not be enough for: the password or a second factor, a moment ago.
WANT_PROOF = frozenset({Right.DELEGATE, Right.OWN, Right.ERASE})


def roles_with(right: Right) -> list[str]:
    """The roles that hold a right."""
    return [role.value for role, rights in _HELD_BY.items() if right in rights]


def scope_for(right: Right) -> str:
    """The scope that a key needs; empty where no key will do."""
    return str(_OPENED_BY.get(right, ""))


@dataclass(frozen=True)
class Caller:
    """A person, or the key by which a program acts for one."""

    user: Any
    key: ApiKey | None = None

    def is_let(self, right: Right) -> bool:
        """Whether a key has the scope for this, in whichever tenant; a person always does."""
        return self.key is None or scope_for(right) in self.key.scopes

    def tenants(self) -> QuerySet[Tenant]:
        """Those that exist for the caller: the boundary of every customer request."""
        return Tenant.objects.filter(pk__in=self._memberships().values("tenant"))

    def tenants_with(self, right: Right) -> QuerySet[Tenant]:
        """Those in which the caller may do this."""
        if not self.is_let(right):
            return Tenant.objects.none()
        mine = self._memberships().filter(role__in=roles_with(right))
        return Tenant.objects.filter(pk__in=mine.values("tenant"))

    def may(self, right: Right, tenant: Tenant) -> bool:
        return self.tenants_with(right).filter(pk=tenant.pk).exists()

    def _memberships(self) -> QuerySet[Membership]:
        mine = Membership.objects.filter(user__pk=self.user.pk or 0)
        return mine if self.key is None else mine.filter(pk=self.key.membership_id)
