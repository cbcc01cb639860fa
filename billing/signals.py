"""What billing announces. Sent after commit; a listener that misses it finds the row anyway."""

from django.dispatch import Signal

# Arguments: tenant_id (UUID). The entitlement row says what the tenant may run now.
entitlement_changed = Signal()
