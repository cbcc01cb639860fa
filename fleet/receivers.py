"""What fleet does when billing announces something. A lost announcement is found by reconcile."""

from typing import Any
from uuid import UUID

from billing.signals import entitlement_changed
from fleet import services


def connect() -> None:
    entitlement_changed.connect(on_entitlement_changed, dispatch_uid="fleet_converge")


def on_entitlement_changed(sender: object, *, tenant_id: UUID, **_: Any) -> None:
    services.tenant_converge(tenant_id=tenant_id)
