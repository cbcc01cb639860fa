"""Worker room: makes the provider's records what the rows want, and sees that they are."""

import logging

from django.conf import settings
from django.utils import timezone

from dns.gateways import cloudflare
from dns.gateways.base import RemoteRecord, WantedRecord
from dns.models import Record
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


def record_declare(*, owner: str, name: str, type: str, content: str) -> Record:
    """The row for a record that should exist; says nothing yet about whether it does."""
    record, _ = Record.objects.update_or_create(
        owner=owner,
        name=name,
        type=type,
        defaults={"zone": settings.CLOUDFLARE_ZONE, "content": content},
    )
    return record


def record_observe(record: Record) -> RemoteRecord | None:
    """The record at the provider if it is there exactly as wanted, never proxied, and ours."""
    wanted = _wanted(record)
    return next((r for r in _look_up(record) if _is(r, wanted)), None)


def record_publish(record: Record) -> None:
    """Creates the record, or corrects our earlier one. A foreign one is left, and refused.

    Raises ProviderError; permanent when the name belongs to somebody else.
    """
    wanted, present = _wanted(record), _look_up(record)
    ours = next((r for r in present if r.comment == wanted.comment), None)
    if ours:
        cloudflare.provider().update(record.zone, ours.id, wanted)
    elif present:
        raise ProviderError(
            f"{record.name} already has a {record.type} record that WOPR did not make"
            f" ({present[0].content}); it was left alone. Remove it or choose another name.",
            permanent=True,
        )
    else:
        cloudflare.provider().create(record.zone, wanted)


def record_seen(record: Record, provider_id: str) -> None:
    """Remembers that the provider was seen to hold the record."""
    record.provider_id, record.seen_at = provider_id, timezone.now()
    record.state = Record.State.PUBLISHED
    record.save()


def record_withdraw(record: Record) -> None:
    """Deletes every record of this name that is ours, and re-reads that none is left."""
    for remote in _ours(record):
        cloudflare.provider().delete(record.zone, remote.id)
    if not record_is_gone(record):
        raise ProviderError(f"{record.name} is still published after its deletion")
    record.state, record.provider_id = Record.State.WITHDRAWN, ""
    record.save()


def record_is_gone(record: Record) -> bool:
    """Whether the provider, re-read, holds nothing of ours under this name."""
    return not _ours(record)


def _ours(record: Record) -> list[RemoteRecord]:
    return [r for r in _look_up(record) if r.comment == _comment(record)]


def _look_up(record: Record) -> list[RemoteRecord]:
    return cloudflare.provider().find(record.zone, name=record.name, type=record.type)


def _comment(record: Record) -> str:
    return f"{settings.WOPR_DEPLOYMENT} {record.owner}"


def _wanted(record: Record) -> WantedRecord:
    return WantedRecord(
        name=record.name,
        type=record.type,
        content=record.content,
        ttl=record.ttl,
        comment=_comment(record),
    )


def _is(remote: RemoteRecord, wanted: WantedRecord) -> bool:
    seen = WantedRecord(remote.name, remote.type, remote.content, remote.ttl, remote.comment)
    return seen == wanted and not remote.proxied
