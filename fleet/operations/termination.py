"""Resizing a bot, and ending one: a proven backup first, then proof that nothing is left."""

from fleet.models import Backup
from fleet.operations.base import Kind, register
from fleet.operations.provision import load_instance
from fleet.operations.steps import backups, letters, limits, removal, standing
from fleet.operations.steps.removal import MAKERS, Remove
from tenants.models import Message

ROUTE, RECORD, CONTAINER, VOLUME, DOMAINS, DOOR, PEOPLE = MAKERS

RESIZE = register(
    Kind(
        name="resize",
        title="Change the bot's limits",
        subject_kind="instance",
        load=load_instance,
        steps=(limits.SetLimits(),),
        undoes=False,
    )
)

TERMINATE = register(
    Kind(
        name="terminate",
        title="End the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            standing.ShowSuspendedPage(),
            standing.StopContainer(),
            backups.TakeBackup(Backup.Reason.FINAL),
            backups.ProveBackup(),
            Remove(RECORD, name="remove_record", title="Remove the DNS record"),
            Remove(DOMAINS, name="remove_domains", title="Remove the custom domains"),
            Remove(ROUTE, name="remove_route", title="Remove the route"),
            Remove(CONTAINER, name="remove_container", title="Remove the container"),
            Remove(VOLUME, name="remove_volume", title="Remove the data volume"),
            Remove(DOOR, name="remove_door", title="Remove the bot from single sign-on"),
            Remove(PEOPLE, name="remove_people", title="Remove the members' single sign-on"),
            removal.VerifyGone(),
            letters.WriteTermination(),
            letters.Tell(Message.Kind.TERMINATED, title="Tell the customer"),
        ),
        failed=removal.book,
        undoes=False,
    )
)
