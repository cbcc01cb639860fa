"""What fleet does when billing announces something. A lost announcement is found by reconcile."""

import logging
from typing import Any
from uuid import UUID

from billing.signals import entitlement_changed
from fleet import services
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


def connect() -> None:
    entitlement_changed.connect(on_entitlement_changed, dispatch_uid="fleet_converge")


def on_entitlement_changed(sender: object, *, tenant_id: UUID, **_: Any) -> None:
    try:
        services.tenant_converge(tenant_id=tenant_id)
    except ProviderError as error:
        logger.error("tenant %s waits for its bot: %s", tenant_id, error)
