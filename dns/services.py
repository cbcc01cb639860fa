"""Staff's own records: free-form names in zones of ours, beside what the machine publishes.

Each has a row, so the reconciliation keeps it. What WOPR did not make is never touched.
"""

import ipaddress
import logging
from collections.abc import Callable

from django.conf import settings

from dns import names, publishing
from dns.gateways import cloudflare
from dns.models import Record
from tenants.names import RESERVED
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
STAFF = "staff:"
_LEADING = (Record.Type.A, Record.Type.AAAA, Record.Type.CNAME)


def record_create(*, name: str, type: str, content: str) -> Record:
    """Publishes a new record. One whose provider is away stays wanted, and comes by itself."""
    name = names.record_name_of(name)
    _check(type, content)
    _refuse_reserved(name, type)
    draft = Record(owner=STAFF + name, zone=_zone(name), name=name, type=type, content=content)
    _refuse_taken(draft)
    try:
        _refuse_foreign(draft)
    except ProviderError as error:
        raise Refused("provider_away", str(error), status=502) from error
    record = publishing.record_declare(owner=draft.owner, name=name, type=type, content=content)
    return _publish(record)


def record_update(*, record: Record, content: str) -> Record:
    """Another content for one of staff's records."""
    row = record_check_staffs(record)
    _check(row.type, content)
    row.content, row.state, row.note = content, Record.State.WANTED, ""
    row.save(update_fields=["content", "state", "note", "updated_at"])
    return _publish(row)


def record_delete(*, record: Record) -> Record:
    """Withdraws one of staff's records; what the provider does not do now is done later."""
    row = record_check_staffs(record)
    try:
        publishing.record_withdraw(row)
    except ProviderError as error:
        logger.warning("%s is withdrawn, and will be gone later: %s", row, error)
        row.note = str(error)
        row.save(update_fields=["note", "updated_at"])
    return row


def record_check_staffs(record: Record) -> Record:
    """The row as it is now. Refused for what the machine publishes, and for what is withdrawn."""
    row = Record.objects.get(pk=record.pk)
    if not row.owner.startswith(STAFF) or row.state == Record.State.WITHDRAWN:
        raise Refused(
            "record_not_staffs", f"{row} is {row.state} and belongs to {row.owner}: only records"
            " that staff made are changed by hand.", status=409,
        )  # fmt: skip
    return row


def _publish(record: Record) -> Record:
    try:
        publishing.record_publish(record)
        remote = publishing.record_observe(record)
        if remote is None:
            raise ProviderError(f"{record} is not there after it was published")
        publishing.record_seen(record, remote.id)
    except ProviderError as error:
        logger.warning("%s is not published: %s", record, error)
        if error.permanent:
            raise Refused("record_refused", _given_up(record, error), status=409) from error
        Record.objects.filter(pk=record.pk).update(note=str(error))
        record.note = str(error)
    return record


def _given_up(record: Record, error: ProviderError) -> str:
    """A record that the provider never had is wanted no more; an earlier one is left to staff."""
    if not record.provider_id:
        Record.objects.filter(pk=record.pk).update(state=Record.State.WITHDRAWN, note=str(error))
    return str(error)


def _zone(name: str) -> str:
    try:
        return publishing.zone_of(name)
    except ProviderError as error:
        raise Refused("unknown_zone", str(error), field="name") from error


def _refuse_taken(draft: Record) -> None:
    """A name leads to one place, and what the machine wants to publish comes first."""
    others = Record.objects.filter(name=draft.name).exclude(state=Record.State.WITHDRAWN)
    for other in others:
        is_alias = Record.Type.CNAME in (other.type, draft.type)
        if other.type == draft.type or is_alias:
            raise Refused(
                "record_exists", f"{other} is there already, of {other.owner}.", status=409
            )


def _refuse_reserved(name: str, type: str) -> None:
    """Names that the platform or a bot will want for itself may not lead elsewhere."""
    if type not in _LEADING:
        return
    label, _, parent = name.partition(".")
    is_bots = parent == settings.WOPR_TENANT_DOMAIN and label not in RESERVED
    if is_bots or name in {*settings.WOPR_BASE_NAMES, *settings.WOPR_PLATFORM_HOSTS}:
        raise Refused(
            "name_reserved", f"{name} is for a bot or for the platform itself.", field="name"
        )


def _refuse_foreign(draft: Record) -> None:
    in_the_way, mark = {draft.type, *publishing.barred_by(draft)}, publishing.mark_of(draft)
    for remote in cloudflare.provider().find(draft.zone, name=draft.name):
        if remote.type in in_the_way and remote.comment != mark:
            raise Refused(
                "record_foreign", f"{remote.name} has a {remote.type} record that WOPR did not make"
                f" ({remote.content}); it was left alone.", status=409,
            )  # fmt: skip


def _check(type: str, content: str) -> None:
    """Raises Refused for a content that the type cannot have."""
    check = _CHECKS.get(type)
    if check is None:
        raise Refused("unknown_type", f"Use one of {', '.join(Record.Type)}.", field="type")
    try:
        check(content)
    except ValueError as error:
        raise Refused("bad_content", f"{content!r} is no content of a {type} record.") from error


def _check_text(content: str) -> None:
    if not content or len(content) > 2048 or not content.isascii() or not content.isprintable():
        raise ValueError("not printable")
    if '"' in content or "\\" in content:
        raise ValueError("quotes are Cloudflare's")


_CHECKS: dict[str, Callable[[str], object]] = {
    Record.Type.A: ipaddress.IPv4Address,
    Record.Type.AAAA: ipaddress.IPv6Address,
    Record.Type.CNAME: names.record_name_of,
    Record.Type.TXT: _check_text,
}
