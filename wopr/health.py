"""Whether the platform works: for people, load balancers and monitors."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from wopr.common.models import Heartbeat

# A canary sings each minute; a worker that missed two is deaf.
CANARY_SILENCE = timedelta(minutes=3)
FOLLOWER_SILENCE = timedelta(minutes=1)


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked, so that a restart is not for nothing."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The process can serve: it reaches the database."""
    connected = _database_connected()
    status = "ok" if connected else "database unreachable"
    return JsonResponse({"status": status}, status=200 if connected else 503)


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """The whole picture. 503 without the database; `degraded` when something else is missing."""
    connected = _database_connected()
    broker = _broker_connected()
    worker = connected and _worker_alive()
    answer: dict[str, Any] = {
        "status": "down" if not connected else "ok" if broker and worker else "degraded",
        "timestamp": timezone.now().isoformat(),
        "version": settings.WOPR_VERSION,
        "providers": {},
        "database_connected": connected,
        "broker_connected": broker,
        "worker_alive": worker,
        "log_follower_alive": connected and _log_follower_alive(),
        "stripe_configured": bool(settings.STRIPE_SECRET_KEY and settings.STRIPE_WEBHOOK_SECRET),
        "email_configured": settings.WOPR_EMAIL_PROVIDER != "smtp" or bool(settings.EMAIL_HOST),
        "dns_configured": bool(settings.CLOUDFLARE_API_TOKEN and settings.CLOUDFLARE_ZONE),
    }
    return JsonResponse(answer, status=200 if connected else 503)


def _database_connected() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    except DatabaseError:
        return False


def _broker_connected() -> bool:
    try:
        cache.get("health")
        return True
    except (RedisError, OSError):
        return False


def _worker_alive() -> bool:
    """Beat, broker, worker and database have worked together lately."""
    since = timezone.now() - CANARY_SILENCE
    return Heartbeat.objects.filter(name="canary", seen_at__gte=since).exists()


def _log_follower_alive() -> bool:
    """Without one all goes on, but nobody sees the log of a bot as it is written."""
    since = timezone.now() - FOLLOWER_SILENCE
    return Heartbeat.objects.filter(name="log follower", seen_at__gte=since).exists()
