"""The Celery application: `celery -A wopr worker` and `celery -A wopr beat`."""

import os

from celery import Celery, Task
from celery.signals import (
    heartbeat_sent,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
)
from django.db import close_old_connections, connection

from wopr.common import alive

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wopr.settings")

CONNECTION_SECONDS = 600

app = Celery("wopr")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["wopr"])


@setup_logging.connect
def keep_logging(**_: object) -> None:
    """A receiver of this signal keeps Celery from replacing Django's LOGGING."""


@heartbeat_sent.connect
def show_life(**_: object) -> None:
    """A worker that is well sends one every few seconds; whoever watches its container sees it."""
    alive.show()


@worker_init.connect
def begin_without_connection(**_: object) -> None:
    """The one of the start's checks: whoever works next, a child or this process, opens its own."""
    connection.close()


@worker_process_init.connect
def keep_connection(**_: object) -> None:
    """A process that works task after task has one, and the server's caches are warm behind it."""
    connection.settings_dict["CONN_MAX_AGE"] = CONNECTION_SECONDS


@task_prerun.connect
@task_postrun.connect
def look_at_connection(*, task: Task, **_: object) -> None:
    """One that broke or is old is closed, and one that is kept is tried before its next use."""
    # What is done within a caller leaves the caller its connection and its transaction.
    if not task.request.is_eager:
        close_old_connections()
