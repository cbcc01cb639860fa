"""Bots that live: paid for, running, with data in them, and operations that are worked off."""

import io
import os
import stat
import tarfile
import time
from typing import Any

import httpx

from billing.models import Entitlement, Plan
from fleet.models import Instance, Node, Operation
from fleet.operations import runner
from sandbox.stack.front_door import front_door
from tenants.models import Tenant
from tests.fleet.toys import make_due
from tests.fleet.world import World, run_bot

Files = dict[str, tuple[bytes, int, int]]  # path to content, mode, owner
DATA: Files = {
    "memory.sqlite": (b"pages", 0o600, 1000),
    "memory.sqlite-wal": (b"newer pages", 0o600, 1000),
    "notes/plan.txt": (b"what to do", 0o644, 1000),
}


def pay(tenant: Tenant, plan: Plan, *, bots: int = 1, **more: Any) -> Entitlement:
    return Entitlement.objects.create(
        tenant=tenant, plan=plan, status="active", bots=bots, **{**plan_limits(plan), **more}
    )


def plan_limits(plan: Plan) -> dict[str, int]:
    return {
        "memory_mb": plan.memory_mb,
        "cpu_millis": plan.cpu_millis,
        "pids": plan.pids,
        "disk_gb": plan.disk_gb,
        "backups_kept": plan.backups_kept,
    }


def living_bot(tenant: Tenant, node: Node, plan: Plan, *, bots: int = 1) -> Instance:
    """A paid bot that runs."""
    pay(tenant, plan, bots=bots)
    return run_bot(tenant, node)


def worked(operation: Operation) -> Operation:
    """The operation once workers have brought it to its end, taking it up whenever it is due."""
    deadline = time.monotonic() + 120
    operation.refresh_from_db()
    while operation.is_live:
        assert time.monotonic() < deadline, told(operation)
        make_due(operation)
        runner.run(operation.pk)
        operation.refresh_from_db()
    return operation


def done(operation: Operation) -> Operation:
    """The same for one that is to succeed."""
    worked(operation)
    assert operation.state == Operation.State.SUCCEEDED, (operation.error, told(operation))
    return operation


def told(operation: Operation) -> list[tuple[str, str, str]]:
    return list(operation.steps.values_list("name", "state", "message"))


def visit(instance: Instance) -> httpx.Response:
    """What a browser gets under the bot's public name."""
    with front_door(os.environ["WOPR_EDGE_CA_FILE"]) as browser:
        return browser.get(instance.url)


def write(world: World, instance: Instance, files: Files) -> None:
    """The bot writes files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, (content, mode, owner) in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode, member.uid, member.gid = len(content), mode, owner, owner
            archive.addfile(member, io.BytesIO(content))
    world.engine.api.put_archive(world.inspected(instance)["Id"], "/data", packed.getvalue())


def data_of(world: World, instance: Instance) -> Files:
    """Every file that the bot has, as the engine reads it, but for what it writes by itself."""
    chunks, _ = world.engine.api.get_archive(world.inspected(instance)["Id"], "/data/.")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        return {
            member.name.removeprefix("./"): (content.read(), stat.S_IMODE(member.mode), member.uid)
            for member in archive
            if (content := archive.extractfile(member)) and not _is_own(member.name)
        }


def _is_own(name: str) -> bool:
    return name.removeprefix("./").startswith((".keep", "daemon", "wopr.sqlite"))


def token_in(world: World, instance: Instance) -> str:
    chunks, _ = world.engine.api.get_archive(world.inspected(instance)["Id"], "/data/daemon-token")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        content = archive.extractfile("daemon-token")
        assert content
        return content.read().decode()
