"""How values look in the admin: the same words, icons and colours as on the dashboard."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

EMPTY = "–"


@dataclass(frozen=True)
class Look:
    """A state as a person sees it: tone (colour), icon and word."""

    tone: str
    icon: str
    word: str


LOOKS = {
    # bots
    "starting": Look("info", "progress_activity", "starting"),
    "running": Look("good", "check_circle", "running"),
    "stopped": Look("idle", "stop_circle", "stopped"),
    "suspended": Look("warning", "pause_circle", "suspended"),
    "failed": Look("danger", "cancel", "failed"),
    "terminated": Look("idle", "cancel", "terminated"),
    "unknown": Look("warning", "help", "unknown"),
    # machines and their differences
    "answers": Look("good", "check_circle", "answers"),
    "away": Look("danger", "cancel", "does not answer"),
    "maintenance": Look("warning", "construction", "in maintenance"),
    "unseen": Look("idle", "schedule", "not looked at yet"),
    "open_drift": Look("warning", "difference", "differs"),
    "ignored": Look("idle", "visibility_off", "ignored"),
    # servers, from the order to the end
    "requested": Look("idle", "schedule", "requested"),
    "creating": Look("info", "progress_activity", "being created"),
    "booting": Look("info", "progress_activity", "boots"),
    "enrolling": Look("info", "progress_activity", "enrols"),
    "ready": Look("good", "check_circle", "ready"),
    "draining": Look("warning", "logout", "is emptied"),
    "destroying": Look("info", "progress_activity", "being given back"),
    "gone": Look("idle", "cancel", "gone"),
    "leaked": Look("danger", "warning", "left behind"),
    # what boots on GPU nodes, and their services
    "installing_drivers": Look("info", "progress_activity", "installs drivers"),
    "installing_docker": Look("info", "progress_activity", "installs Docker"),
    "downloading_models": Look("info", "download", "downloads models"),
    "starting_services": Look("info", "progress_activity", "starts services"),
    "registering": Look("info", "progress_activity", "registers"),
    "loading": Look("info", "progress_activity", "loads its model"),
    # services and providers
    "healthy": Look("good", "check_circle", "healthy"),
    "degraded": Look("warning", "warning", "degraded"),
    "down": Look("danger", "cancel", "down"),
    # operations and steps; one that runs is work in progress, not a healthy bot
    "queued": Look("idle", "schedule", "queued"),
    "working": Look("info", "progress_activity", "running"),
    "undoing": Look("warning", "undo", "undoing"),
    "succeeded": Look("good", "check_circle", "succeeded"),
    "pending": Look("idle", "circle", "not started"),
    "waiting": Look("info", "schedule", "waiting"),
    "done": Look("good", "check_circle", "done"),
    "undone": Look("warning", "undo", "undone"),
    # subscriptions
    "none": Look("idle", "circle", "none"),
    "active": Look("good", "check_circle", "active"),
    "trialing": Look("good", "schedule", "trial"),
    "past_due": Look("warning", "warning", "past due"),
    "unpaid": Look("danger", "warning", "unpaid"),
    "incomplete": Look("warning", "schedule", "incomplete"),
    "incomplete_expired": Look("idle", "cancel", "expired"),
    "paused": Look("warning", "pause_circle", "paused"),
    "canceled": Look("idle", "cancel", "cancelled"),
    # checkouts
    "opening": Look("info", "progress_activity", "opening"),
    "open": Look("info", "schedule", "open"),
    "complete": Look("good", "check_circle", "complete"),
    "expired": Look("idle", "cancel", "expired"),
    # e-mails
    "sending": Look("info", "progress_activity", "sending"),
    "sent": Look("good", "check_circle", "sent"),
    "deferred": Look("warning", "schedule", "delayed"),
    "delivered": Look("good", "mark_email_read", "delivered"),
    "bounced": Look("danger", "error", "bounced"),
    "rejected": Look("danger", "block", "rejected"),
    "invalid": Look("danger", "block", "no such address"),
    "complained": Look("danger", "warning", "taken for spam"),
    # backups
    "proven": Look("good", "verified", "proven"),
    "unproven": Look("danger", "warning", "not proven"),
    "unfinished": Look("idle", "schedule", "not taken"),
    "deleted": Look("idle", "cancel", "deleted"),
    # DNS records
    "wanted": Look("info", "schedule", "wanted"),
    "published": Look("good", "check_circle", "published"),
    "withdrawn": Look("idle", "cancel", "withdrawn"),
    "conflict": Look("danger", "warning", "conflict"),
    # customers' own domains
    "verifying": Look("info", "progress_activity", "verifying"),
    "failing": Look("warning", "warning", "failing"),
    "removing": Look("info", "progress_activity", "being removed"),
    # webhooks
    "refused": Look("danger", "block", "refused"),
    "erring": Look("danger", "error", "failing"),
    "processed": Look("good", "check_circle", "processed"),
    # holds, and differences from Stripe
    "held": Look("danger", "block", "on hold"),
    "lifted": Look("idle", "lock_open", "lifted"),
    "differs": Look("danger", "warning", "differs"),
    "settled": Look("good", "check_circle", "settled"),
    # releases and how they reach the bots
    "candidate": Look("idle", "schedule", "candidate"),
    "canary": Look("info", "progress_activity", "canary"),
    "good": Look("good", "check_circle", "good"),
    "bad": Look("danger", "block", "bad"),
    "rolling": Look("info", "progress_activity", "rolling out"),
    "halted": Look("danger", "pan_tool", "halted"),
    "updating": Look("info", "progress_activity", "updating"),
    "updated": Look("good", "check_circle", "updated"),
    "rolled_back": Look("warning", "undo", "went back"),
    "left_out": Look("idle", "cancel", "left out"),
    # leaks and the canary
    "leaking": Look("danger", "warning", "left behind"),
    "resolved": Look("good", "check_circle", "seen gone"),
    "silent": Look("danger", "warning", "silent"),
    "singing": Look("good", "check_circle", "alive"),
}


def look_of(state: str) -> Look:
    return LOOKS.get(state, Look("idle", "info", state.replace("_", " ")))


def pill(state: str, at_work: bool = False) -> SafeString:
    """A state as colour, icon and word. `at_work` is for operations and steps."""
    look = look_of("working" if at_work and state == "running" else state)
    return format_html(
        '<span class="wopr-pill wopr-tone-{}" data-state="{}">'
        '<span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        look.tone,
        state,
        look.icon,
        look.word,
    )


def mono(text: str) -> SafeString | str:
    """Names, digests and ids, in the monospace face."""
    return format_html('<span class="wopr-mono">{}</span>', text) if text else EMPTY


def block(text: str) -> SafeString | str:
    """A log, a traceback or an error, as it was written."""
    return format_html('<pre class="wopr-block" tabindex="0">{}</pre>', text) if text else EMPTY


def structure(value: Any) -> SafeString | str:
    """Nested data, one entry a line."""
    return block(json.dumps(value, indent=2, ensure_ascii=False, default=str)) if value else EMPTY


def moment(value: datetime | None) -> SafeString | str:
    """How long ago, with the exact time on hover."""
    if value is None:
        return EMPTY
    exact = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(),
        exact.strftime("%Y-%m-%d %H:%M:%S %Z"),
        naturaltime(value),
    )


def outside(url: str, text: str = "") -> SafeString | str:
    """A link that leaves the admin."""
    if not url:
        return EMPTY
    return format_html(
        '<a class="wopr-link" href="{}" target="_blank" rel="noopener noreferrer">{}</a>',
        url,
        text or url,
    )


def panel(template: str, **context: Any) -> SafeString:
    """A part of a page that has a template of its own."""
    return render_to_string(template, context)
