"""Worker room: people, groups and applications at Authentik, for who may open which bot.

Everything there is found by a name that is made from our own row, so that a retry finds what an
earlier try has made. Nothing of it is kept here: what is so is read there.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from tenants.gateways import authentik
from tenants.gateways.authentik import Authentik, Group, Person
from tenants.models import Membership, Tenant, User
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
NOT_CONFIGURED = {"not configured": "AUTHENTIK_URL and AUTHENTIK_API_TOKEN are not set"}
is_configured = authentik.is_configured


@dataclass(frozen=True)
class Door:
    """What people open with their single sign-on."""

    id: UUID
    name: str
    url: str

    @property
    def slug(self) -> str:
        return f"{settings.WOPR_DEPLOYMENT}-bot-{self.id.hex}"

    @property
    def redirect(self) -> str:
        return f"{self.url}oauth2/callback"


def group_name(tenant_id: UUID) -> str:
    return f"{_group_prefix()}{tenant_id.hex}"


def username_of(user: User) -> str:
    return f"{_user_prefix()}{user.pk}"


def people_are_there(tenant: Tenant) -> Group | None:
    """The tenant's group, if everybody who may open its bots is in it."""
    group = authentik.account().group(group_name(tenant.pk))
    return group if group and not _lacking(group, _members(tenant)) else None


def people_ensure(tenant: Tenant) -> None:
    """A person for each member, in the tenant's group."""
    api = authentik.account()
    group = api.group(group_name(tenant.pk)) or api.group_create(group_name(tenant.pk))
    for member in _lacking(group, _members(tenant)):
        api.group_add(group.pk, _person_ensure(api, member).pk)


def people_remove(tenant: Tenant) -> None:
    """The tenant's group, and those people of ours who are in no other."""
    api = authentik.account()
    group = api.group(group_name(tenant.pk))
    if group:
        api.group_delete(group.pk)
    for person in _left_over(api, tenant):
        api.person_delete(person.pk)


def people_are_gone(tenant: Tenant) -> bool:
    api = authentik.account()
    return api.group(group_name(tenant.pk)) is None and not _left_over(api, tenant)


def door_is_open(door: Door, tenant: Tenant) -> bool:
    """Whether the application is there as it should be, and bound to the tenant's group alone."""
    api = authentik.account()
    if (application := api.application(door.slug)) is None:
        return False
    provider, group = api.provider(door.slug), api.group(group_name(tenant.pk))
    if provider is None or group is None:
        return False
    return (
        (application.launch_url, application.provider) == (door.url, provider.pk)
        and provider.redirects == (door.redirect,)
        and api.bound_groups(application.pk) == [group.pk]
    )


def door_ensure(door: Door, tenant: Tenant) -> None:
    """OAuth2 provider, application, and the binding that lets the tenant's group in.

    An application that nothing is bound to is open to everybody: a new one gets its provider,
    without which nobody logs in by it, after its binding.
    """
    api = authentik.account()
    provider = api.provider(door.slug) or api.provider_create(
        name=door.slug, redirect=door.redirect
    )
    if provider.redirects != (door.redirect,):
        api.provider_redirect(provider.pk, door.redirect)
    application = api.application(door.slug) or api.application_create(
        slug=door.slug, name=door.name, url=door.url
    )
    group = api.group(group_name(tenant.pk))
    if group is None:
        raise ProviderError(f"the group {group_name(tenant.pk)} is not there")
    if group.pk not in api.bound_groups(application.pk):
        api.bind(application=application.pk, group=group.pk)
    if (application.launch_url, application.provider) != (door.url, provider.pk):
        api.application_update(door.slug, name=door.name, provider=provider.pk, url=door.url)


def door_remove(door: Door) -> None:
    """The application, whose bindings go with it, and its provider."""
    api = authentik.account()
    api.application_delete(door.slug)
    provider = api.provider(door.slug)
    if provider:
        api.provider_delete(provider.pk)


def door_is_gone(door: Door) -> bool:
    api = authentik.account()
    return api.application(door.slug) is None and api.provider(door.slug) is None


def recovery_link(tenant: Tenant) -> str:
    """Where the owner chooses a password; Authentik's front page for an account of their own."""
    api, owner = authentik.account(), tenant.owner
    person = api.person(username_of(owner.user)) if owner else None
    if person is None:
        return str(settings.AUTHENTIK_URL)
    try:
        return api.recovery_link(person.pk)
    except ProviderError as error:
        if not error.permanent:
            raise
        # An installation without a recovery flow: the letter still has to say where to turn.
        logger.warning("no recovery link for %s: %s", person.username, error)
        return str(settings.AUTHENTIK_URL)


def person_forget(user: User) -> None:
    """The person whom we have made for somebody; nobody's account of their own."""
    if not is_configured():
        return
    api = authentik.account()
    person = api.person(username_of(user))
    if person:
        api.person_delete(person.pk)


def groups_reconcile() -> int:
    """Whoever joined a tenant comes into its group, whoever left goes out. Tells how many."""
    api, changes = authentik.account(), 0
    groups = {g.name: g for g in api.groups_beginning(_group_prefix())}
    for tenant in Tenant.objects.filter(pk__in=[_tenant_of(name) for name in groups]):
        group = groups[group_name(tenant.pk)]
        members = _members(tenant)
        for joined in _lacking(group, members):
            api.group_add(group.pk, _person_ensure(api, joined).pk)
            changes += 1
        for person in group.members:
            if not any(_is(person, member) for member in members):
                api.group_remove(group.pk, person.pk)
                changes += 1
    return changes


def _members(tenant: Tenant) -> list[User]:
    """Who may open the tenant's bots: all but those who only pay."""
    memberships = Membership.objects.filter(tenant=tenant).exclude(role=Membership.Role.BILLING)
    return [membership.user for membership in memberships.select_related("user")]


def _lacking(group: Group, members: list[User]) -> list[User]:
    return [m for m in members if not any(_is(person, m) for person in group.members)]


def _is(person: Person, user: User) -> bool:
    return person.username == username_of(user) or person.email.lower() == user.email.lower()


def _person_ensure(api: Authentik, user: User) -> Person:
    """Ours, or the only one who has the address already, or a new one."""
    ours = api.person(username_of(user))
    if ours:
        return ours
    known = api.people_at(user.email)
    if len(known) == 1:
        return known[0]
    name = user.get_full_name() or user.email
    path = f"{settings.WOPR_DEPLOYMENT}/customers"
    return api.person_create(username=username_of(user), email=user.email, name=name, path=path)


def _left_over(api: Authentik, tenant: Tenant) -> list[Person]:
    """People whom we made for this tenant's members, and who are in no group any more."""
    found = [api.person(username_of(member)) for member in _members(tenant)]
    return [person for person in found if person and not person.groups]


def _group_prefix() -> str:
    return f"{settings.WOPR_DEPLOYMENT}-tenant-"


def _user_prefix() -> str:
    return f"{settings.WOPR_DEPLOYMENT}-user-"


def _tenant_of(name: str) -> UUID | None:
    try:
        return UUID(name.removeprefix(_group_prefix()))
    except ValueError:
        return None
