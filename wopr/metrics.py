"""What Prometheus reads: requests by django-prometheus, and the ledger as it is in the database."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Model, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from djstripe.models import WebhookEventTrigger
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from billing.models import Finding
from fleet import backups
from fleet.models import Drift, Instance, Leak, Node, Operation, ProviderHealth, Rollout
from tenants.models import Message
from wopr.common import breaker
from wopr.common.models import Heartbeat
from wopr.common.queue import waiting

BROKER_SECONDS = 2


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever is inside. What came through the edge carries X-Forwarded-Host and gets 404."""
    if "X-Forwarded-Host" in request.headers:
        return HttpResponseNotFound()
    answer: HttpResponse = ExportToDjangoView(request)
    registry = CollectorRegistry()
    registry.register(Ledger())
    answer.content += generate_latest(registry)
    return answer


class Ledger(Collector):
    """Gauges that are read from the database when they are asked for."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _operations()
        yield from _fleet()
        yield from _webhooks_and_letters()
        yield from _backups()
        yield _providers()
        yield from _heartbeats()
        yield from _queue()


def _operations() -> Iterator[GaugeMetricFamily]:
    yield _by(Operation, "state", "wopr_operations", "Operations by state.")
    oldest = GaugeMetricFamily(
        "wopr_operation_oldest_seconds", "Age of the oldest live operation.", labels=["state"]
    )
    found = dict(Operation.objects.live().values_list("state").annotate(Min("created_at")))
    for state in Operation.LIVE:
        oldest.add_metric([state], _age(found.get(state)))
    yield oldest
    waiting = Operation.objects.due().aggregate(at=Min("next_attempt_at"))["at"]
    yield _one("wopr_operations_due_seconds", "How long a due operation waits.", _age(waiting))


def _fleet() -> Iterator[GaugeMetricFamily]:
    now = timezone.now()
    yield _by(Instance, "status", "wopr_instances", "Bots by state.")
    crashing = Instance.objects.exclude(crashing_since=None).count()
    yield _one("wopr_crash_loops", "Bots that end again and again.", crashing)
    silent = Node.objects.exclude(unreachable_since=None).count()
    yield _one("wopr_nodes_unreachable", "Machines that do not answer.", silent)
    heeded = Drift.objects.filter(resolved_at=None).exclude(ignored_until__gt=now).count()
    yield _one("wopr_drifts", "Differences between machines and rows.", heeded)
    halted = Rollout.objects.filter(state=Rollout.State.HALTED).count()
    yield _one("wopr_rollouts_halted", "Rollouts that made a bot worse.", halted)
    leaks = Leak.objects.filter(resolved_at=None)
    yield _one("wopr_leaks", "Things outside that no row owns.", leaks.count())
    costs = GaugeMetricFamily(
        "wopr_leaks_cost_per_day", "What leaks cost a day.", labels=["currency"]
    )
    for currency, cost in leaks.values_list("currency").annotate(Sum("cost_per_day")):
        costs.add_metric([currency], float(cost or 0))
    yield costs


def _webhooks_and_letters() -> Iterator[GaugeMetricFamily]:
    waiting = WebhookEventTrigger.objects.filter(valid=True, processed=False)
    yield _one("wopr_webhooks_unprocessed", "Stored webhooks to process.", waiting.count())
    lag = _age(waiting.aggregate(at=Min("created"))["at"])
    yield _one("wopr_webhook_lag_seconds", "Age of the oldest of them.", lag)
    unsent = Message.objects.exclude(state=Message.State.SENT).count()
    yield _one("wopr_messages_unsent", "Letters to send.", unsent)
    stopped = breaker.stopped().count()
    yield _one("wopr_breakers_tripped", "Stopped actions that wait for a person.", stopped)
    differing = Finding.objects.filter(resolved_at=None).count()
    yield _one("wopr_stripe_differences", "Where Stripe and the rows disagree.", differing)


def _backups() -> Iterator[GaugeMetricFamily]:
    overdue, unproven = backups.overdue().count(), backups.unproven().count()
    yield _one("wopr_backups_overdue", "Bots without a backup of these days.", overdue)
    yield _one("wopr_backups_unproven", "Bots whose backups nobody proved lately.", unproven)


def _providers() -> GaugeMetricFamily:
    states = GaugeMetricFamily(
        "wopr_provider_state", "1 for the state a provider is in.", labels=["provider", "state"]
    )
    for name, state in ProviderHealth.objects.values_list("name", "state"):
        for each in ProviderHealth.State:
            states.add_metric([name, each], float(state == each))
    return states


def _heartbeats() -> Iterator[GaugeMetricFamily]:
    ages = GaugeMetricFamily(
        "wopr_heartbeat_age_seconds", "Since a part was last seen at work.", labels=["name"]
    )
    for name, seen_at in Heartbeat.objects.values_list("name", "seen_at"):
        ages.add_metric([name], _age(seen_at))
    yield ages


def _queue() -> Iterator[GaugeMetricFamily]:
    """Left out while the broker is away: a gauge that is not there is not 0."""
    broker = Redis.from_url(
        settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS
    )
    try:
        length = waiting(broker)
    except (RedisError, OSError):
        yield _one("wopr_broker_connected", "Whether the broker answers.", 0)
    else:
        yield _one("wopr_broker_connected", "Whether the broker answers.", 1)
        yield _one("wopr_queue_messages", "Wake-ups that no worker took yet.", length)
    finally:
        broker.close()


def _by(model: type[Model], field: str, name: str, told: str) -> GaugeMetricFamily:
    """One gauge for each choice of a field, those that no row has included."""
    gauge = GaugeMetricFamily(name, told, labels=[field])
    counted = dict(model._default_manager.order_by().values_list(field).annotate(Count("pk")))
    choices: Any = getattr(model._meta.get_field(field), "choices", None) or ()
    for value, _ in choices:
        gauge.add_metric([str(value)], counted.get(value, 0))
    return gauge


def _one(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, value=float(value))


def _age(moment: datetime | None) -> float:
    return (timezone.now() - moment).total_seconds() if moment else 0.0
