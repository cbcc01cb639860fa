"""The admin's first page: what runs, what waits, what fails and what it costs, each with a link."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Model, Sum
from django.http import HttpRequest
from django.utils import timezone
from djstripe.models import WebhookEventTrigger

from billing.models import Entitlement, Finding
from fleet import backups, convergence
from fleet.models import Backup, Drift, Instance, Leak, Node, Operation, Rollout
from tenants.models import Message
from wopr.common import breaker
from wopr.common.models import Breaker, Heartbeat
from wopr.common.staff.links import change_url, list_url
from wopr.common.staff.looks import moment, pill
from wopr.common.templatetags.figures import money
from wopr.health import CANARY_SILENCE


@dataclass(frozen=True)
class Figure:
    """One number that staff act on."""

    label: str
    value: Any
    url: str
    tone: str = "idle"
    note: Any = ""


@dataclass(frozen=True)
class Tally:
    """How many rows are in a state, and where they are listed."""

    pill: Any
    number: int
    url: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback: adds the figures to the index page's context."""
    return context | {
        "title": "Overview",
        "figures": [figure() for figure in FIGURES],
        "tables": [
            ("Bots by state", _by_state(Instance, "status", at_work=False)),
            ("Operations by state", _by_state(Operation, "state", at_work=True)),
            ("Subscriptions by state", _by_state(Entitlement, "status", at_work=False)),
        ],
        "recent": Operation.objects.select_related("tenant").order_by("-created_at")[:8],
    }


def _by_state(model: type[Model], field: str, *, at_work: bool) -> list[Tally]:
    counted = model._default_manager.values_list(field).annotate(n=Count("pk")).order_by(field)
    return [
        Tally(pill(state, at_work=at_work), n, list_url(model, f"{field}__exact={state}"))
        for state, n in counted
    ]


def _operations() -> Figure:
    now = timezone.now()
    live = Operation.objects.live()
    late = live.filter(attempts__gt=1).count()
    return Figure(
        "Operations under way",
        live.count(),
        list_url(Operation, "state__in=queued,running,undoing"),
        "info" if live.filter(next_attempt_at__lte=now).exists() else "idle",
        f"{late} taken up more than once" if late else "none is being retried",
    )


def _failed() -> Figure:
    failed = Instance.objects.filter(status=Instance.Status.FAILED).count()
    return Figure(
        "Bots that failed",
        failed,
        list_url(Instance, "status__exact=failed"),
        "danger" if failed else "good",
        "paid for or not, they do not run" if failed else "every bot is as it should be",
    )


def _failed_operations() -> Figure:
    day_ago = timezone.now() - timedelta(days=1)
    failed = Operation.objects.filter(state=Operation.State.FAILED, finished_at__gte=day_ago)
    kinds = ", ".join(failed.order_by("kind").values_list("kind", flat=True).distinct())
    number = failed.count()
    return Figure(
        "Operations that failed today",
        number,
        list_url(Operation, "state__exact=failed"),
        "warning" if number else "good",
        kinds if number else "none within a day",
    )


def _undelivered() -> Figure:
    waiting = convergence.undelivered()
    names = ", ".join(tenant.slug for tenant in waiting[:3])
    lacking = f"{names}: bots or machines are missing or too small"
    return Figure(
        "Paid, not delivered",
        len(waiting),
        list_url(Entitlement),
        "danger" if waiting else "good",
        lacking if waiting else "every tenant has what it pays",
    )


def _leaks() -> Figure:
    leaks = Leak.objects.filter(resolved_at=None)
    costs = leaks.values(code=F("currency")).annotate(day=Sum("cost_per_day")).order_by("code")
    note = ", ".join(f"{row['day']:.2f} {row['code'].upper()}" for row in costs)
    number = leaks.count()
    return Figure(
        "Leaks",
        number,
        list_url(Leak, "resolved_at__isnull=True"),
        "danger" if number else "good",
        f"{note} a day" if number else "nothing is left behind",
    )


def _machines() -> Figure:
    silent = Node.objects.exclude(unreachable_since=None)
    names = ", ".join(silent.values_list("name", flat=True)[:3])
    number = silent.count()
    return Figure(
        "Machines out of reach",
        number,
        list_url(Node),
        "danger" if number else "good",
        f"{names}: what runs there is unknown" if number else "every machine answers",
    )


def _drifts() -> Figure:
    now = timezone.now()
    heeded = Drift.objects.filter(resolved_at=None).exclude(ignored_until__gt=now)
    number, ours = heeded.count(), heeded.exclude(instance=None).count()
    return Figure(
        "Machines' differences",
        number,
        list_url(Drift, "resolved_at__isempty=1"),
        "warning" if ours else "idle" if number else "good",
        f"{ours} of them about bots" if number else "every machine is as the rows say",
    )


def _webhooks() -> Figure:
    waiting = WebhookEventTrigger.objects.filter(valid=True, processed=False)
    number, failing = waiting.count(), waiting.exclude(exception="").count()
    return Figure(
        "Webhooks to process",
        number,
        list_url(WebhookEventTrigger, "valid__exact=1&processed__exact=0"),
        "danger" if failing else "warning" if number else "good",
        f"{failing} with an error" if failing else "none has an error",
    )


def _differences() -> Figure:
    found = Finding.objects.filter(resolved_at=None)
    worth = found.exclude(currency="").values("currency").annotate(month=Sum("amount"))
    note = ", ".join(money(row["month"], row["currency"]) for row in worth.order_by("currency"))
    number = found.count()
    return Figure(
        "Differences from Stripe",
        number,
        list_url(Finding, "resolved_at__isempty=1"),
        "danger" if number else "good",
        f"{note} a month" if note else "somebody has to look" if number else "all agrees",
    )


def _messages() -> Figure:
    unsent = Message.objects.exclude(state=Message.State.SENT)
    number, failing = unsent.count(), unsent.exclude(error="").count()
    return Figure(
        "Messages to send",
        number,
        list_url(Message, "state__in=queued,sending"),
        "danger" if failing else "warning" if number else "good",
        f"{failing} with an error" if failing else "none has an error",
    )


def _returned() -> Figure:
    number = Message.objects.filter(delivery__in=Message.CAME_BACK).count()
    return Figure(
        "Letters that came back",
        number,
        list_url(Message, f"delivery__in={','.join(Message.CAME_BACK)}"),
        "warning" if number else "good",
        "these customers hear nothing by e-mail" if number else "no provider reports any",
    )


def _backups() -> Figure:
    late, stale = backups.overdue().count(), backups.unproven().count()
    trouble = f"{late} without a backup, {stale} not proven lately"
    return Figure(
        "Backups overdue",
        late + stale,
        list_url(Backup),
        "danger" if late + stale else "good",
        trouble if late + stale else "every bot has one of these days",
    )


def _breakers() -> Figure:
    number = breaker.stopped().count()
    return Figure(
        "Actions stopped",
        number,
        list_url(Breaker),
        "danger" if number else "good",
        "too many tenants at once; a person decides" if number else "none waits for a person",
    )


def _rollouts() -> Figure:
    halted = Rollout.objects.filter(state=Rollout.State.HALTED).count()
    under_way = Rollout.objects.filter(state__in=Rollout.OPEN).count()
    return Figure(
        "Rollouts halted",
        halted,
        list_url(Rollout, "state__exact=halted"),
        "danger" if halted else "good",
        "a release made a bot worse" if halted else f"{under_way} under way",
    )


def _crash_loops() -> Figure:
    number = Instance.objects.filter(crashing_since__isnull=False).count()
    return Figure(
        "Bots in a crash loop",
        number,
        list_url(Instance, "crashing_since__isnull=False"),
        "warning" if number else "good",
        "their owners were told" if number else "none ends again and again",
    )


def _canary() -> Figure:
    canary = Heartbeat.objects.filter(name="canary").first()
    alive = canary is not None and canary.seen_at >= timezone.now() - CANARY_SILENCE
    return Figure(
        "Canary",
        pill("singing" if alive else "silent"),
        change_url(Heartbeat, "canary") if canary else list_url(Heartbeat),
        "good" if alive else "danger",
        moment(canary.seen_at) if canary else "never seen: are beat and a worker running?",
    )


FIGURES = (
    _operations,
    _failed,
    _failed_operations,
    _undelivered,
    _leaks,
    _machines,
    _drifts,
    _rollouts,
    _crash_loops,
    _webhooks,
    _differences,
    _messages,
    _returned,
    _backups,
    _breakers,
    _canary,
)
