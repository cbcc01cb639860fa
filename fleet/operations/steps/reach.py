"""Steps that make an instance reachable under its public name, and see that it is."""

from django.conf import settings

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
    name = "publish_record"
    title = "Publish the DNS record"

    def observe(self, instance: Instance) -> Facts | None:
        record = _record(instance)
        remote = publishing.record_observe(record) if record else None
        if record is None or remote is None:
            return None
        return {"record": str(record), "provider_id": remote.id}

    def act(self, instance: Instance) -> None:
        record = publishing.record_declare(
            owner=instance.reference,
            name=instance.hostname,
            type=Record.Type.A,
            content=settings.WOPR_EDGE_IPV4,
        )
        publishing.record_publish(record)

    def record(self, instance: Instance, facts: Facts) -> None:
        record = _record(instance)
        if record:
            publishing.record_seen(record, facts["provider_id"])

    def undo(self, instance: Instance) -> None:
        record = _record(instance)
        if record:
            publishing.record_withdraw(record)

    def absent(self, instance: Instance) -> bool:
        record = _record(instance)
        return record is None or publishing.record_is_gone(record)

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


def _record(instance: Instance) -> Record | None:
    return Record.objects.filter(owner=instance.reference, name=instance.hostname).first()
