"""Worker room: makes the provider's records what the rows want, and sees that they are."""

import re

from django.conf import settings
from django.utils import timezone

from dns.gateways import cloudflare
from dns.gateways.base import RemoteRecord, WantedRecord
from dns.models import Record
from wopr.common.errors import ProviderError

# What WOPR writes as a comment: the deployment, and whose the record is.
_MARK = re.compile(r"[a-z][a-z0-9-]{0,20} [a-z]+:\S+")
_BARRED_BY = {"A": ("CNAME",), "AAAA": ("CNAME",), "CNAME": ("A", "AAAA")}


def zones() -> list[str]:
    """The zones that records may be in, the longest name first."""
    return sorted({settings.CLOUDFLARE_ZONE, *settings.CLOUDFLARE_MORE_ZONES}, key=len)[::-1]


def zone_of(name: str) -> str:
    """The zone that the name lies in. Raises ProviderError when it is in none of ours."""
    for zone in zones():
        if name == zone or name.endswith(f".{zone}"):
            return zone
    raise ProviderError(
        f"{name} lies in no zone that WOPR may edit: name its zone in CLOUDFLARE_MORE_ZONES.",
        permanent=True,
    )


def record_declare(*, owner: str, name: str, type: str, content: str) -> Record:
    """The row for a record that should exist; says nothing yet about whether it does."""
    zone = zone_of(name)
    record, _ = Record.objects.update_or_create(
        owner=owner, name=name, type=type, defaults={"zone": zone, "content": content}
    )
    if record.state == Record.State.WITHDRAWN:
        record.state = Record.State.WANTED
        record.save(update_fields=["state", "updated_at"])
    return record


def addresses_declare(*, owner: str, name: str) -> list[Record]:
    """Rows for the records by which a name leads to the edge: A, and AAAA if there is IPv6."""
    addresses = {Record.Type.A: settings.WOPR_EDGE_IPV4, Record.Type.AAAA: settings.WOPR_EDGE_IPV6}
    return [
        record_declare(owner=owner, name=name, type=kind, content=address)
        for kind, address in addresses.items()
        if address
    ]


def record_observe(record: Record) -> RemoteRecord | None:
    """The record at the provider if it is there exactly as wanted, never proxied, and ours."""
    wanted = wanted_of(record)
    return next((r for r in _look_up(record) if is_as_wanted(r, wanted)), None)


def record_publish(record: Record) -> None:
    """Creates the record, or corrects our earlier one. A foreign one is left, and refused.

    Raises ProviderError; permanent when the name belongs to somebody else.
    """
    wanted, at_name = wanted_of(record), _at_name(record)
    ours = next((r for r in at_name if may_take(r, wanted) and r.type == record.type), None)
    present = [r for r in at_name if r.type in {record.type, *barred_by(record)}]
    if ours:
        cloudflare.provider().update(record.zone, ours.id, wanted)
    elif present:
        record_conflicts(record, present[0])
        raise ProviderError(record.note, permanent=True)
    else:
        cloudflare.provider().create(record.zone, wanted)


def record_seen(record: Record, provider_id: str) -> None:
    """Remembers that the provider was seen to hold the record."""
    record.provider_id, record.seen_at = provider_id, timezone.now()
    record.state, record.note = Record.State.PUBLISHED, ""
    record.save()


def record_conflicts(record: Record, foreign: RemoteRecord) -> None:
    """Remembers that somebody else's record is in the way."""
    record.state, record.note = (
        Record.State.CONFLICT,
        f"{record.name} already has a {foreign.type} record that WOPR did not make"
        f" ({foreign.content}); it was left alone. Remove it or choose another name.",
    )
    record.save()


def record_withdraw(record: Record) -> None:
    """Deletes every record of this name that is ours, and re-reads that none is left."""
    # The intent first: nobody may publish it again between the deletion and the next line.
    record.state = Record.State.WITHDRAWN
    record.save(update_fields=["state", "updated_at"])
    for remote in _ours(record):
        cloudflare.provider().delete(record.zone, remote.id)
    if not record_is_gone(record):
        raise ProviderError(f"{record.name} is still published after its deletion")
    record.provider_id, record.note = "", ""
    record.save()


def record_is_gone(record: Record) -> bool:
    """Whether the provider, re-read, holds nothing of ours under this name."""
    return not _ours(record)


def mark_of(record: Record) -> str:
    """The comment that tells whose the record is."""
    return f"{settings.WOPR_DEPLOYMENT} {record.owner}"


def wanted_of(record: Record) -> WantedRecord:
    return WantedRecord(
        name=record.name,
        type=record.type,
        content=record.content,
        ttl=record.ttl,
        comment=mark_of(record),
    )


def is_as_wanted(remote: RemoteRecord, wanted: WantedRecord) -> bool:
    seen = WantedRecord(remote.name, remote.type, remote.content, remote.ttl, remote.comment)
    return seen == wanted and not remote.proxied


def may_take(remote: RemoteRecord, wanted: WantedRecord) -> bool:
    """Whether it is ours, or says the very same and belongs to nobody who marks what is theirs."""
    if remote.comment == wanted.comment:
        return True
    identical = (remote.type, remote.content) == (wanted.type, wanted.content)
    return identical and not _MARK.fullmatch(remote.comment)


def barred_by(record: Record) -> tuple[str, ...]:
    """Types that cannot stand at a name together with the record's (RFC 1034, 3.6.2)."""
    return _BARRED_BY.get(record.type, ())


def _ours(record: Record) -> list[RemoteRecord]:
    return [r for r in _look_up(record) if r.comment == mark_of(record)]


def _look_up(record: Record) -> list[RemoteRecord]:
    return [remote for remote in _at_name(record) if remote.type == record.type]


def _at_name(record: Record) -> list[RemoteRecord]:
    return cloudflare.provider().find(record.zone, name=record.name)
