"""The provision operation: from an entitled tenant to a bot that was seen running."""

from uuid import UUID

from django.utils import timezone

from fleet.models import Instance
from fleet.operations.base import Kind, Step, register
from fleet.operations.steps import containers, reach, sign_on, welcome


def load_instance(instance_id: UUID) -> Instance:
    return Instance.objects.select_related("tenant", "node", "release").get(pk=instance_id)


def instance_failed(instance: Instance) -> None:
    """It is set up again after a while, or by somebody."""
    Instance.objects.filter(pk=instance.pk).update(
        status=Instance.Status.FAILED, updated_at=timezone.now()
    )


# From a container that is there to a bot that its customer was told of.
INTO_SERVICE: tuple[Step[Instance], ...] = (
    containers.StartContainer(),
    containers.WaitHealthy(),
    reach.PublishRoute(),
    reach.PublishRecord(),
    reach.VerifyPublic(),
    sign_on.AdmitPeople(),
    sign_on.OpenDoor(),
    welcome.RenderWelcome(),
    welcome.SendWelcome(),
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
            *INTO_SERVICE,
        ),
        failed=instance_failed,
    )
)
