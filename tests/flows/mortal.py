"""A worker process that dies by SIGKILL at a chosen point of an operation.

Loaded once by multiprocessing's fork server, so that each worker is there in milliseconds. The
product knows nothing of this: its steps and its way out to the world are wrapped from here.
"""

import multiprocessing
import os
import signal
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

import django

django.setup()

import docker  # noqa: E402
import httpx  # noqa: E402
import requests  # noqa: E402
from weasyprint import HTML  # noqa: E402

from fleet.operations import ledger, runner  # noqa: E402
from fleet.operations.base import KINDS, Step  # noqa: E402
from fleet.operations.steps.recreating import Recreate, WaitHealthyAgain  # noqa: E402
from tenants import correspondence  # noqa: E402

Function = Callable[..., Any]
# Fonts are found at the first rendering; better once here than in each worker.
HTML(string="<p>warm</p>").write_pdf()


# These steps change nothing: their work is to look.
LOOKING = (
    "await_boot",
    "await_enrolment",
    "boot_machine",
    "see_gone",
    "verify_engine",
    "find_backup",
    "note_before",
    "verify_gone",
    "verify_public",
    "verify_ready",
    "verify_services",
    "wait_healthy",
)


@dataclass(frozen=True)
class Moment:
    """When a worker dies: at a point of a step, which is being done or undone."""

    step: str
    point: str
    undoing: bool = False
    kind: str = "provision"

    def __str__(self) -> str:
        return f"{self.step}, {self.point}{' its undoing' if self.undoing else ''}"


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL cannot be survived")


def dying_before(function: Function) -> Function:
    return die


def dying_after(function: Function) -> Function:
    def wrapped(*args: Any, **kwargs: Any) -> NoReturn:
        function(*args, **kwargs)
        die()

    return wrapped


def dying_during(function: Function) -> Function:
    """Dies as soon as the first call that changes anything outside has been answered."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        for owner, name in CHANGES:
            setattr(owner, name, dying_after_a_change(getattr(owner, name)))
        function(*args, **kwargs)
        raise AssertionError("the step has changed nothing outside")

    return wrapped


# Everything by which a step changes the world; what only reads is let through.
CHANGES: list[tuple[Any, str]] = [
    (docker.APIClient, "send"),
    (httpx.Client, "send"),
    (requests.Session, "send"),
    (smtplib.SMTP, "sendmail"),
    (HTML, "write_pdf"),
]


def dying_after_a_change(function: Function) -> Function:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = function(*args, **kwargs)
        if not any(getattr(argument, "method", "") == "GET" for argument in args):
            die()
        return answer

    return wrapped


def doom(moment: Moment) -> None:
    """Arranges the death."""
    step: Step[Any] = KINDS[moment.kind].step(moment.step)
    method = "undo" if moment.undoing else "observe" if moment.step in LOOKING else "act"
    ways = {"before": dying_before, "during": dying_during, "after": dying_after}
    if moment.point in ways:
        setattr(step, method, ways[moment.point](getattr(step, method)))
    else:
        doom_record(moment)


def doom_record(moment: Moment) -> None:
    """Dies when the step's end has just been committed."""
    name = "step_undone" if moment.undoing else "step_done"
    write = getattr(ledger, name)

    def wrapped(held: Any, row: Any, *args: Any) -> None:
        write(held, row, *args)
        if row.name == moment.step:
            die()

    setattr(ledger, name, wrapped)


def be_impatient() -> None:
    """Shortens what production waits for minutes."""
    # A mail whose sender died is sent again after this; two minutes in production.
    correspondence.SENDING_LEASE = timedelta(seconds=1)
    # A bot that ran before and stays silent is given up after one try; after minutes in production.
    WaitHealthyAgain.deadline = Recreate.deadline = 0.0
    WaitHealthyAgain.patience = 10.0


def work(operation_id: UUID, moment: Moment | None) -> None:
    be_impatient()
    if moment is not None:
        doom(moment)
    runner.run(operation_id)


def worker(operation_id: UUID, moment: Moment | None = None) -> int:
    """Runs the operation in a process of its own; returns its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=work, args=(operation_id, moment))
    process.start()
    process.join(timeout=60)
    if process.is_alive():
        process.kill()
        raise AssertionError("the worker did not end")
    assert process.exitcode is not None
    return process.exitcode
