"""Steps that make an instance reachable under its public name, and see that it is."""

from dns import publishing
from dns.models import Record
from fleet import edge
from fleet.gateways import bot
from fleet.models import Instance, Route
from fleet.operations.base import Facts, NotYet, Step


class PublishRoute(Step[Instance]):
    name = "publish_route"
    title = "Publish the route"

    def observe(self, instance: Instance) -> Facts | None:
        declared = Route.objects.filter(
            hostname=instance.hostname,
            instance=instance,
            serves=Route.Serves.BOT,
            upstream=instance.upstream,
        ).exists()
        if declared and edge.is_published(instance.hostname, instance.upstream):
            return {"hostname": instance.hostname, "upstream": instance.upstream}
        return None

    def act(self, instance: Instance) -> None:
        Route.objects.update_or_create(
            hostname=instance.hostname,
            defaults={
                "instance": instance,
                "serves": Route.Serves.BOT,
                "upstream": instance.upstream,
            },
        )
        edge.publish()

    def undo(self, instance: Instance) -> None:
        Route.objects.filter(instance=instance).delete()
        edge.publish()
        if not self.absent(instance):
            raise NotYet(f"the route of {instance.hostname} is still there")

    def absent(self, instance: Instance) -> bool:
        declared = Route.objects.filter(instance=instance).exists()
        return not declared and not edge.mentions(instance.hostname)

    def resource(self, instance: Instance) -> str:
        return f"route {instance.hostname} at the edge"


class PublishRecord(Step[Instance]):
    """A, and AAAA where the edge has an IPv6 address."""

    name = "publish_record"
    title = "Publish the DNS record"

    def observe(self, instance: Instance) -> Facts | None:
        seen = {}
        for record in publishing.addresses_declare(
            owner=instance.reference, name=instance.hostname
        ):
            remote = publishing.record_observe(record)
            if remote is None:
                return None
            seen[str(record)] = remote.id
        return {"records": seen}

    def act(self, instance: Instance) -> None:
        for record in _records(instance):
            if publishing.record_observe(record) is None:
                publishing.record_publish(record)

    def record(self, instance: Instance, facts: Facts) -> None:
        for record in _records(instance):
            publishing.record_seen(record, facts["records"][str(record)])

    def undo(self, instance: Instance) -> None:
        for record in _records(instance):
            publishing.record_withdraw(record)

    def absent(self, instance: Instance) -> bool:
        return all(publishing.record_is_gone(record) for record in _records(instance))

    def resource(self, instance: Instance) -> str:
        return f"DNS record {instance.hostname}"


class VerifyPublic(Step[Instance]):
    """The bot counts as running only after it was seen under its own name, and was itself."""

    name = "verify_public"
    title = "Open the bot under its public name"
    patience = 15.0

    def observe(self, instance: Instance) -> Facts | None:
        if not bot.is_served(instance.hostname):
            raise NotYet(f"{instance.url} does not answer yet")
        if not bot.knows_token(instance.hostname, instance.daemon_token):
            raise NotYet(f"{instance.url} is answered by something else than this bot")
        return {"url": instance.url}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look again."""

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.RUNNING)


def _records(instance: Instance) -> list[Record]:
    return list(Record.objects.filter(owner=instance.reference, name=instance.hostname))
