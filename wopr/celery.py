"""The Celery application: `celery -A wopr worker` and `celery -A wopr beat`."""

import os

from celery import Celery
from celery.signals import heartbeat_sent, setup_logging, task_postrun, worker_init
from django.db import close_old_connections, connection

from wopr.common import alive

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wopr.settings")

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
def begin_without_connections(**_: object) -> None:
    """Those of the start's checks: whoever works next, a child or this process, opens its own."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


@task_postrun.connect
def hand_back_connection(**_: object) -> None:
    """The next task has it looked at first, so that it never meets a broken one."""
    close_old_connections()
