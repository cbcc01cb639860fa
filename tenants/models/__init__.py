"""Users, tenants, and what is sent and given to them."""

from tenants.models.api_key import ApiKey
from tenants.models.correspondence import Document, Message
from tenants.models.deletion import Deletion
from tenants.models.impersonation import Impersonation
from tenants.models.invitation import Invitation
from tenants.models.tenant import Membership, Tenant
from tenants.models.user import User

__all__ = [
    "ApiKey",
    "Deletion",
    "Document",
    "Impersonation",
    "Invitation",
    "Membership",
    "Message",
    "Tenant",
    "User",
]
