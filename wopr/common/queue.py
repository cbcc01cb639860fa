"""How work is handed to workers: a wake-up after commit, which may be lost."""

import logging
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def wake(task: Task, *arguments: Any) -> None:
    """Sends the task once the current transaction commits.

    Arguments are ids; the truth is a row that a sweep finds later anyway, so a broker that is away
    costs time and nothing else.
    """

    def send() -> None:
        try:
            task.apply_async([str(argument) for argument in arguments], expires=600)
        except OperationalError as error:
            logger.warning("broker away, %s waits for its sweep: %s", task.name, error)

    transaction.on_commit(send)
