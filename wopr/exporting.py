"""Everything that is kept of one tenant, as a tar: for a customer who asks, or an authority."""

import json
import tarfile
from collections import deque
from collections.abc import Iterator
from typing import IO, Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import BinaryField, ForeignKey, Model

from fleet import exports
from fleet.archives import spooled
from tenants.models import Document, Tenant, User
from wopr.common.crypto import EncryptedTextField
from wopr.common.tables import add

OURS = ("tenants", "billing", "dns", "fleet", "gpu")
OF_STRIPE = {"Customer", "Subscription", "Invoice", "Charge", "Refund"}
# Of people only what the tenant may know of its members.
OF_PEOPLE = ("id", "email", "date_joined", "last_login")
# What opens doors, or is a file of its own in the archive.
NEVER = (EncryptedTextField, BinaryField)
SECRET_WORDS = ("password", "token", "secret", "digest_key")


def tenant_export(*, tenant: Tenant, file: IO[bytes], with_backups: bool) -> dict[str, int]:
    """Writes the archive; returns how many rows of what are in it."""
    rows = {label: list(found) for label, found in _everything(tenant)}
    rows = {label: found for label, found in rows.items() if found}
    with tarfile.open(fileobj=file, mode="w:") as archive:
        text = json.dumps(rows, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False)
        add(archive, "rows.json", text.encode())
        for document in Document.objects.filter(tenant=tenant):
            add(archive, f"documents/{document.pk}-{document.filename}", bytes(document.content))
        for backup in exports.offered(tenant=tenant) if with_backups else ():
            _add_backup(archive, backup)
    return {label: len(found) for label, found in rows.items()}


def _everything(tenant: Tenant) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    members = User.objects.filter(memberships__tenant=tenant)
    yield "tenants.user", list(members.order_by("pk").values(*OF_PEOPLE))
    for model, path in sorted(owned_by_tenants().items(), key=lambda item: item[0]._meta.label):
        found = model._default_manager.filter(**{path: tenant.pk}).order_by("pk").distinct()
        yield model._meta.label_lower, list(found.values(*_fields(model)))


def owned_by_tenants() -> dict[type[Model], str]:
    """Every model whose rows belong to a tenant, and the shortest way from a row to its tenant."""
    found: dict[type[Model], str] = {Tenant: "pk"}
    waiting = deque([Tenant])
    while waiting:
        owner = waiting.popleft()
        for model, name in _pointing_at(owner):
            if model not in found:
                rest = found[owner]
                found[model] = name if rest == "pk" else f"{name}__{rest}"
                waiting.append(model)  # type: ignore[arg-type]
    return found


def _pointing_at(owner: type[Model]) -> Iterator[tuple[type[Model], str]]:
    for model in apps.get_models():
        if model._meta.app_label in OURS or model.__name__ in OF_STRIPE:
            for field in model._meta.local_fields:
                if isinstance(field, ForeignKey) and field.related_model is owner:
                    yield model, field.name


def _fields(model: type[Model]) -> list[str]:
    """What is told of a row: nothing that is sealed, and nothing that lets anybody in."""
    return [
        field.attname
        for field in model._meta.concrete_fields
        if not isinstance(field, NEVER)
        and not any(word in field.name.lower() for word in SECRET_WORDS)
    ]


def _add_backup(archive: tarfile.TarFile, backup: Any) -> None:
    with spooled(exports.content_of(backup)) as content:
        member = tarfile.TarInfo(f"bots/{backup.instance.slug}.tar")
        member.size, member.mode = content.seek(0, 2), 0o600
        content.seek(0)
        archive.addfile(member, content)
