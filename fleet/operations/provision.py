"""The provision operation: from an entitled tenant to a bot that was seen running."""

from uuid import UUID

from django.utils import timezone

from fleet.models import Instance
from fleet.operations.base import Kind, register
from fleet.operations.steps import containers, reach, welcome


def load_instance(instance_id: UUID) -> Instance:
    return Instance.objects.select_related("tenant", "node", "release").get(pk=instance_id)


def _failed(instance: Instance) -> None:
    Instance.objects.filter(pk=instance.pk).update(
        status=Instance.Status.FAILED, updated_at=timezone.now()
    )


PROVISION = register(
    Kind(
        name="provision",
        title="Set up the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            containers.PullImage(),
            containers.CreateVolume(),
            containers.CreateContainer(),
            containers.StartContainer(),
            containers.WaitHealthy(),
            reach.PublishRoute(),
            reach.PublishRecord(),
            reach.VerifyPublic(),
            welcome.RenderWelcome(),
            welcome.SendWelcome(),
        ),
        failed=_failed,
    )
)
