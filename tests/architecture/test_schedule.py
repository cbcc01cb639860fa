"""Celery: what beat wakes, what code wakes, and the limits that keep a message from being lost."""

import ast

import pytest
from django.conf import settings

from tests.architecture.source import PRODUCT, modules, tree
from wopr.celery import app
from wopr.schedule import BEAT_SCHEDULE

# Loading the tasks as a worker does runs the system checks, and dj-stripe's look at its tables.
pytestmark = pytest.mark.django_db


def our_tasks() -> dict[str, str]:
    """Registered name of each task of ours, and the name of its function."""
    app.loader.import_default_modules()
    return {
        name: task.run.__name__
        for name, task in app.tasks.items()
        if task.run.__module__.split(".")[0] in PRODUCT
    }


def woken_by_code() -> set[str]:
    """Names of the functions that are handed to `wake(...)` somewhere."""
    return {
        argument.id if isinstance(argument, ast.Name) else argument.attr
        for path in modules(*PRODUCT)
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        and call.func.id == "wake" and call.args
        and isinstance(argument := call.args[0], ast.Name | ast.Attribute)
    }  # fmt: skip


def test_tasks_are_found() -> None:
    assert {"wopr.canary", "fleet.operation_run", "billing.trigger_process"} <= our_tasks().keys()


def test_every_entry_of_the_schedule_names_a_task_that_exists() -> None:
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= our_tasks().keys()


def test_every_task_is_woken_by_beat_or_by_code() -> None:
    scheduled = {entry["task"] for entry in BEAT_SCHEDULE.values()}
    woken = woken_by_code()
    asleep = [
        n for n, function in our_tasks().items() if n not in scheduled and function not in woken
    ]
    assert asleep == []


def test_every_task_has_a_name_of_its_app() -> None:
    for name in our_tasks():
        app_label, _, function = name.partition(".")
        assert app_label in PRODUCT
        assert function == our_tasks()[name]


def test_a_wake_up_that_nobody_took_does_not_pile_up() -> None:
    for name, entry in BEAT_SCHEDULE.items():
        period = entry["schedule"] if isinstance(entry["schedule"], float | int) else 86_400
        assert entry["options"]["expires"] <= max(period, 10), name


def test_tasks_are_messages_of_ids_and_at_most_ten_lines() -> None:
    for path in modules(*PRODUCT):
        if path.name != "tasks.py":
            continue
        for function in (node for node in tree(path).body if isinstance(node, ast.FunctionDef)):
            lines = (function.end_lineno or 0) - function.lineno + 1
            assert lines <= 10, f"{path}:{function.name}"
            kinds = [ast.unparse(a.annotation) for a in function.args.args if a.annotation]
            assert set(kinds) <= {"str", "int"}, f"{path}:{function.name}"


def test_a_task_ends_before_its_message_is_delivered_again() -> None:
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert app.conf.task_time_limit < visibility


def test_a_killed_worker_loses_no_message() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.worker_soft_shutdown_timeout > 0


def test_messages_are_json_and_nothing_else() -> None:
    assert app.conf.task_serializer == "json"
    assert app.conf.accept_content == ["json"]


def test_no_result_is_kept_anywhere() -> None:
    assert app.conf.task_ignore_result
