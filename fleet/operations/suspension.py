"""Suspending a bot, and bringing it back. Neither is undone: each is repeated until it is true."""

from fleet.operations.base import Kind, register
from fleet.operations.provision import load_instance
from fleet.operations.steps import containers, letters, reach, standing
from tenants.models import Message

SUSPEND = register(
    Kind(
        name="suspend",
        title="Suspend the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            standing.ShowSuspendedPage(),
            standing.StopContainer(),
            standing.VerifySuspended(),
            letters.Tell(Message.Kind.SUSPENDED, title="Tell the customer"),
        ),
        undoes=False,
    )
)

RESUME = register(
    Kind(
        name="resume",
        title="Bring the bot back",
        subject_kind="instance",
        load=load_instance,
        steps=(
            containers.StartContainer(),
            standing.AllowRestarting(),
            containers.WaitHealthy(),
            reach.PublishRoute(),
            reach.VerifyPublic(),
            letters.Tell(Message.Kind.RESTORED, title="Tell the customer"),
        ),
        undoes=False,
    )
)
