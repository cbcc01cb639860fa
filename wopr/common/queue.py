"""How work is handed to workers: a wake-up after commit, which may be lost."""

import logging
from typing import Any

from celery import Task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis import Redis

logger = logging.getLogger(__name__)


def wake(task: Task, *arguments: Any, after: float = 0.0) -> None:
    """Sends the task once the current transaction commits; a worker takes it `after` seconds later.

    Arguments are ids; the truth is a row that a sweep finds later anyway, so a broker that is away
    costs time and nothing else.
    """

    def send() -> None:
        try:
            ids = [str(argument) for argument in arguments]
            task.apply_async(ids, expires=600, countdown=after or None)
        except OperationalError as error:
            logger.warning("broker away, %s waits for its sweep: %s", task.name, error)

    transaction.on_commit(send)


def waiting(broker: Redis) -> int:
    """How many messages no worker took yet. Raises RedisError while the broker is away."""
    names = [f"{settings.WOPR_DEPLOYMENT}:{queue}" for queue in settings.CELERY_TASK_QUEUES]
    lengths: list[Any] = [broker.llen(name) for name in names]
    return sum(lengths)
