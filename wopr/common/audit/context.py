"""Who acts, from where and why: put before every statement, where the triggers read it.

django-pghistory carries it: each statement that may write is preceded by `set_config` of the
context's metadata, for that transaction alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pghistory
from celery import signals
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse

from wopr.common.audit.models import person
from wopr.common.correlation import current_id


class Encoder(DjangoJSONEncoder):
    """Asks whoever must be asked: a request knows its user only when somebody wants to know."""

    def default(self, o: Any) -> Any:
        return o() if callable(o) else super().default(o)


@contextmanager
def acting(*, actor: str | Callable[[], str], via: str, address: str = "") -> Iterator[None]:
    """Everything that is written inside is written by this actor."""
    with pghistory.context(
        actor=actor, via=via, address=address, reason="", correlation_id=current_id
    ):
        yield


def because(reason: str) -> None:
    """Why what follows is done; for whatever acts already, and for nobody else."""
    pghistory.context(reason=reason)


class AuditMiddleware:
    """The actor of a request is whoever it is signed in as when something is written."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Only uvicorn writes this, from what Caddy reported and nobody else can.
        address = str(request.META.get("REMOTE_ADDR", ""))
        via = f"{request.method} {request.path}"[:300]
        with acting(actor=lambda: _signed_in(request), via=via, address=address):
            return self.get_response(request)


def _signed_in(request: HttpRequest) -> str:
    looking = getattr(request, "impersonation", None)
    user = looking.staff if looking else getattr(request, "user", None)
    return person(user) if user is not None and user.is_authenticated else "nobody signed in"


def connect_celery() -> None:
    """Tasks act as workers, under the name of the task."""
    signals.task_prerun.connect(_begin, dispatch_uid="audit_begin")
    signals.task_postrun.connect(_end, dispatch_uid="audit_end")


_tasks: dict[str, Any] = {}


def _begin(task_id: str, task: Any, **_: Any) -> None:
    _tasks[task_id] = acting(actor="worker", via=f"task {task.name}")
    _tasks[task_id].__enter__()


def _end(task_id: str, **_: Any) -> None:
    _tasks.pop(task_id).__exit__(None, None, None)
