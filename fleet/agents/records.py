"""Tools for DNS records: all can be read, and those that staff made can be changed."""

from dataclasses import asdict
from uuid import UUID

from django.contrib.admin.models import ADDITION, CHANGE, DELETION

from dns import publishing, services
from dns.models import Record
from fleet.agents.desk import CHANGES, DESTROYS, READS, Desk, Facts, tool
from wopr.common.errors import Refused

MOST = 500


class RecordTools(Desk):
    @tool("dns.view_record", READS)
    def list_dns_records(self, name_contains: str = "", of_staff: bool = False) -> list[Facts]:
        """Records that this installation wants, by name. At most 500: narrow it by a name."""
        found = Record.objects.filter(name__icontains=name_contains)
        found = found.exclude(state=Record.State.WITHDRAWN)
        if of_staff:
            found = found.filter(owner__startswith=services.STAFF)
        return [_facts(record) for record in found[:MOST]]

    @tool("dns.add_record", CHANGES)
    def create_dns_record(self, name: str, type: str, content: str) -> Facts:
        """Publishes a new A, AAAA, CNAME or TXT record, never proxied, under a whole name."""
        record = services.record_create(name=name, type=type, content=content)
        self.note(record, ADDITION, f"Created with {record.content}")
        return _facts(record)

    @tool("dns.change_record", CHANGES)
    def update_dns_record(self, record_id: str, content: str) -> Facts:
        """Gives a record that staff made another content."""
        before = _record(record_id)
        record = services.record_update(record=before, content=content)
        self.note(record, CHANGE, f"Changed from {before.content} to {record.content}")
        return _facts(record)

    @tool("dns.delete_record", DESTROYS)
    def delete_dns_record(self, record_id: str, dry_run: bool = False, plan_id: str = "") -> Facts:
        """Deletes a record that staff made; what its name leads to is not found any more.

        Call with dry_run=true first: it returns the effects and the plan_id for the real call.
        """
        record = services.record_check_staffs(_record(record_id))
        remote = publishing.record_observe(record)
        there = {"row": _facts(record), "remote": asdict(remote) if remote else None}
        if dry_run:
            return self.plan("delete_dns_record", str(record.pk), there, f"{record} is deleted.")
        self.use(plan_id, "delete_dns_record", str(record.pk), there)
        record = services.record_delete(record=record)
        self.note(record, DELETION, "Deleted")
        return _facts(record)


def _record(record_id: str) -> Record:
    try:
        return Record.objects.get(pk=UUID(record_id))
    except (ValueError, Record.DoesNotExist) as error:
        raise Refused("unknown_record", f"There is no record {record_id}.", status=404) from error


def _facts(record: Record) -> Facts:
    return {
        "id": str(record.pk),
        "name": record.name,
        "type": record.type,
        "content": record.content,
        "ttl": record.ttl,
        "owner": record.owner,
        "state": record.state,
        "note": record.note,
    }
