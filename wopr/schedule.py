"""What beat does, and how often. Every entry only wakes somebody up; the truth is in PostgreSQL."""

from typing import Any


def every(seconds: float, task: str) -> dict[str, Any]:
    """One entry. A wake-up that nobody took before the next one is due is worth nothing."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 10)}}


BEAT_SCHEDULE = {
    "canary": every(20, "wopr.canary"),
    "operations: take up what is due": every(5, "fleet.operations_sweep"),
    "operations: open what the entitlements lack": every(30, "fleet.instances_reconcile"),
    "servers: a machine of one's own for who pays for it": every(30, "fleet.dedicated_reconcile"),
    "servers: keep room in the pool": every(300, "fleet.headroom_keep"),
    "servers: tell staff what the pool lacks": every(86_400, "fleet.headroom_alarm"),
    "operations: suspend and resume as tenants stand": every(30, "fleet.standings_reconcile"),
    "nodes: compare with the rows, and repair": every(20, "fleet.nodes_compare"),
    "providers: are they well, and what do they ask": every(300, "fleet.providers_look"),
    "edge: routes as declared": every(5, "fleet.edge_reconcile"),
    "domains: look at what is due": every(5, "fleet.domains_sweep"),
    "dns: records as declared": every(600, "dns.records_reconcile"),
    "bots: what they use and what happened to them": every(30, "fleet.nodes_observe"),
    "bots: what they keep on disk": every(300, "fleet.disks_measure"),
    "bots: stop what is full, start what has room again": every(60, "fleet.disks_enforce"),
    "bots: thin out what was seen of them": every(3600, "fleet.observations_thin"),
    "backups: what is due tonight": every(60, "fleet.backups_nightly"),
    "backups: prove old ones again": every(3600, "fleet.backups_prove"),
    "backups: tell staff what is overdue": every(86_400, "fleet.backups_alarm"),
    "exports: delete what is not offered any more": every(3600, "fleet.exports_expire"),
    "bots: see what ends again and again": every(30, "fleet.crashes_watch"),
    "releases: look behind the moving tags": every(300, "fleet.releases_poll"),
    "releases: go on with the rollouts": every(30, "fleet.rollouts_advance"),
    "releases: let go of old images": every(3600, "fleet.images_prune"),
    "billing: process stored webhooks": every(15, "billing.inbox_sweep"),
    "billing: find events that no webhook brought": every(300, "billing.events_recover"),
    "billing: compare with Stripe": every(86_400, "billing.stripe_audit"),
    "billing: re-read open checkouts": every(30, "billing.checkouts_sweep"),
    "usage: count the bots' storage": every(600, "fleet.storage_meter"),
    "usage: tell Stripe": every(60, "billing.usage_report"),
    "billing: queue the letters that are due": every(60, "billing.notices_queue"),
    "billing: end what leavers pay for": every(30, "billing.leavers_settle"),
    "billing: customers follow their owners": every(60, "billing.owners_follow"),
    "inference: release what dead gateways held": every(30, "gpu.holds_release"),
    "inference: look at the services": every(30, "gpu.services_probe"),
    "inference: help what does not work": every(60, "gpu.remedies_sweep"),
    "inference: end boots that stalled": every(60, "gpu.boots_watch"),
    "inference: forget old history": every(86_400, "gpu.history_forget"),
    "single sign-on: staff are those in the group": every(60, "tenants.staff_recheck"),
    "single sign-on: let in who joined, out who left": every(120, "tenants.groups_reconcile"),
    "audit: tell staff of tampering": every(21_600, "wopr.audit_verify"),
    "deletions: erase who has left": every(60, "wopr.leavers_erase"),
    "messages: send what is due": every(60, "tenants.messages_sweep"),
    "alarms: tell staff what waits for a person": every(60, "tenants.alarms_send"),
}
