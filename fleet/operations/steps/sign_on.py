"""Steps that let people open a bot with their single sign-on. A bot runs without it too."""

from fleet.models import Instance
from fleet.operations.base import Facts, NotYet, Step
from tenants import sign_on
from tenants.sign_on import Door


class AdmitPeople(Step[Instance]):
    """A person at Authentik for each member of the tenant, and a group that they are in."""

    name = "admit_people"
    title = "Create the members' single sign-on"
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        if not sign_on.is_configured():
            return sign_on.NOT_CONFIGURED
        group = sign_on.people_are_there(instance.tenant)
        return {"group": group.name, "members": len(group.members)} if group else None

    def act(self, instance: Instance) -> None:
        sign_on.people_ensure(instance.tenant)

    def undo(self, instance: Instance) -> None:
        if not self.absent(instance):
            sign_on.people_remove(instance.tenant)
        if not self.absent(instance):
            raise NotYet(f"the {self.resource(instance)} is still there")

    def absent(self, instance: Instance) -> bool:
        """The people stay as long as the tenant has another bot."""
        if not sign_on.is_configured() or _has_another(instance):
            return True
        return sign_on.people_are_gone(instance.tenant)

    def resource(self, instance: Instance) -> str:
        return f"single sign-on of the members of {instance.tenant.slug}"


class OpenDoor(Step[Instance]):
    """An application with an OAuth2 provider, bound to the tenant's group."""

    name = "open_door"
    title = "Add the bot to single sign-on"
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        if not sign_on.is_configured():
            return sign_on.NOT_CONFIGURED
        door = door_of(instance)
        if not sign_on.door_is_open(door, instance.tenant):
            return None
        return {"application": door.slug, "opens": door.url}

    def act(self, instance: Instance) -> None:
        sign_on.door_ensure(door_of(instance), instance.tenant)

    def undo(self, instance: Instance) -> None:
        if not self.absent(instance):
            sign_on.door_remove(door_of(instance))
        if not self.absent(instance):
            raise NotYet(f"the {self.resource(instance)} is still there")

    def absent(self, instance: Instance) -> bool:
        return not sign_on.is_configured() or sign_on.door_is_gone(door_of(instance))

    def resource(self, instance: Instance) -> str:
        return f"single sign-on application of {instance.slug}"


def door_of(instance: Instance) -> Door:
    return Door(instance.pk, instance.slug, instance.url)


def _has_another(instance: Instance) -> bool:
    others = Instance.objects.filter(tenant=instance.tenant_id).exclude(pk=instance.pk)
    return others.exclude(status=Instance.Status.TERMINATED).exists()
