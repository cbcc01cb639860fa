"""What billing announces. Sent after commit; a listener that misses it finds the rows anyway."""

from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

# Arguments: tenant_id (UUID). The rows say what the tenant may run now, and whether it is held.
entitlement_changed = Signal()


def announce(tenant_id: UUID) -> None:
    """Tells the listeners once the transaction commits.

    Robust: a listener's error is logged, and hides nothing of what was changed.
    """

    def send() -> None:
        entitlement_changed.send_robust(sender=None, tenant_id=tenant_id)

    transaction.on_commit(send)
