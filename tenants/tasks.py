"""Tasks of the tenants app."""

import logging

from celery import shared_task

from tenants import alarms, correspondence, sign_on, staff_rights
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


@shared_task(name="tenants.message_send")
def message_send(message_id: str) -> None:
    correspondence.message_send(message_id=message_id)


@shared_task(name="tenants.messages_sweep")
def messages_sweep() -> None:
    """Sends what is due: messages that failed before, or whose sender died."""
    for message_id in correspondence.messages_due():
        try:
            correspondence.message_send(message_id=message_id)
        except ProviderError as error:
            logger.warning("message %s waits: %s", message_id, error)


@shared_task(name="tenants.groups_reconcile")
def groups_reconcile() -> None:
    """Lets into bots at Authentik whoever joined their tenant, and out whoever left it."""
    try:
        changes = sign_on.groups_reconcile() if sign_on.is_configured() else 0
    except ProviderError as error:
        logger.error("the groups at Authentik could not be compared: %s", error)
    else:
        logger.debug("single sign-on: %s people were let in or out", changes)


@shared_task(name="tenants.staff_recheck")
def staff_recheck() -> None:
    """Takes the rights of staff from whoever left their group at Authentik."""
    try:
        staff_rights.staff_recheck()
    except ProviderError as error:
        logger.error("nobody knows who is staff at Authentik: %s", error)


@shared_task(name="tenants.alarms_send")
def alarms_send() -> None:
    """Tells staff what was stopped, and what no mail server took before."""
    alarms.breakers_told()
    alarms.alarms_send()
