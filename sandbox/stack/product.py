"""WOPR itself as parts of the stack: prepared once per start, then its processes."""

import sys
from functools import partial
from pathlib import Path

import httpx

from sandbox.stack import migrated
from sandbox.stack.front_door import front_door
from sandbox.stack.infrastructure import STAFF_EMAIL, Infrastructure
from sandbox.stack.places import REPOSITORY
from sandbox.stack.second_factor import key_of
from sandbox.stack.supervisor import Part, wait_until

NODE_MEMORY_MB = 8192
WORKERS = 4


def start_product(parts: Infrastructure) -> None:
    """Prepare the database, start the processes, and wait until the front door answers."""
    environment = parts.environment()
    supervisor = parts.supervisor
    processes = [
        partial(supervisor.start, web(parts, environment)),
        partial(supervisor.start, worker(parts, environment)),
        partial(supervisor.start, beat(environment)),
        partial(supervisor.start, follower(environment)),
        partial(supervisor.start, gateway(parts, environment)),
    ]
    preparation = partial(prepare, parts, environment)
    # No process may meet a half-migrated database; with nothing to migrate none has to wait.
    if is_migrated(parts, environment):
        supervisor.start_together(preparation, *processes)
    else:
        preparation()
        supervisor.start_together(*processes)
    health = f"{parts.dashboard_url}/api/health"
    with front_door(environment["WOPR_EDGE_CA_FILE"]) as browser:
        wait_until(lambda: answers(browser, health), timeout=60, what=f"{health} to say 200")


def staff_password_file(parts: Infrastructure) -> Path:
    """Return the file with the generated password of the first staff member."""
    password = parts.folder.secret("staff password")
    return parts.folder.write_private("staff-password", password)


def staff_authenticator_file(parts: Infrastructure) -> Path:
    """Return the file with the key of the first staff member's authenticator app."""
    return parts.folder.write_private("staff-authenticator", key_of(parts.folder))


def prepare(parts: Infrastructure, environment: dict[str, str]) -> None:
    """Migrate, load plans, and add this machine's engine and a staff member."""
    engine, password_file = environment["WOPR_STACK_ENGINE"], staff_password_file(parts)
    node = [f"--engine={engine}", "--address=127.0.0.1", f"--memory-mb={NODE_MEMORY_MB}"]
    migrate_fast(parts, environment)
    manage(
        parts,
        environment,
        ["migrate", "--no-input"],
        ["load_plans"],
        ["node_add", "--name=local", *node],
        [
            "staff_ensure",
            f"--email={STAFF_EMAIL}",
            f"--password-file={password_file}",
            f"--authenticator-file={staff_authenticator_file(parts)}",
        ],
    )
    migration_mark(parts).write_text(migrated.all_migrations())


def migration_mark(parts: Infrastructure) -> Path:
    """Return the file that names the migrations which this stack's database has seen."""
    return parts.folder.path / "migrated"


def is_migrated(parts: Infrastructure, environment: dict[str, str]) -> bool:
    """Say whether the database has seen exactly the migrations of this code."""
    mark = migration_mark(parts)
    if not mark.exists() or migrated.is_empty(environment["DATABASE_URL"]):
        return False
    return mark.read_text() == migrated.all_migrations()


def migrate_fast(parts: Infrastructure, environment: dict[str, str]) -> None:
    """Give an empty database the slow tables from this machine's dump, or make both."""
    url = environment["DATABASE_URL"]
    if not migrated.is_empty(url):
        return
    if migrated.kept_dump().exists():
        migrated.restore(parts.supervisor, url)
        return
    parts.supervisor.say("migrating an empty database; this takes a minute or two, once")
    manage(parts, environment, ["migrate", "--no-input", migrated.SLOW_APP])
    migrated.keep(parts.supervisor, url)


def manage(parts: Infrastructure, environment: dict[str, str], *commands: list[str]) -> None:
    """Run management commands one after the other in one process."""
    flat = [word for command in commands for word in (*command, "--then")]
    command = [sys.executable, "-m", "sandbox.stack.prepare", *flat]
    parts.supervisor.must_run("prepare", command, environment)


def web(parts: Infrastructure, environment: dict[str, str]) -> Part:
    """Return the web process, which trusts the addresses that Caddy reports."""
    uvicorn = [sys.executable, "-m", "uvicorn", "wopr.asgi:application"]
    address = ["--host", "127.0.0.1", "--port", str(parts.edge.web_port)]
    ending = ["--timeout-graceful-shutdown", "3"]
    local = httpx.Client()
    trust = ["--proxy-headers", "--forwarded-allow-ips", "127.0.0.1", "--no-server-header"]
    return Part(
        name="web",
        command=[*uvicorn, *address, *trust, *ending],
        environment=environment,
        folder=REPOSITORY,
        ready=lambda: answers(local, f"{parts.web_url}/api/live"),
        grace=8,
    )


def gateway(parts: Infrastructure, environment: dict[str, str]) -> Part:
    """Return the inference gateway."""
    port = parts.edge.gateway_port
    command = [sys.executable, "-m", "sandbox.stack.gateway", "--port", str(port)]
    local = httpx.Client()
    return Part(
        name="gateway",
        command=[*command, "--subnet", parts.slot.subnet],
        environment=environment,
        folder=REPOSITORY,
        ready=lambda: answers(local, f"http://127.0.0.1:{port}/live"),
        grace=8,
    )


def worker(parts: Infrastructure, environment: dict[str, str]) -> Part:
    """Return the Celery worker."""
    log = parts.supervisor.logs / "worker.log"
    offset = log.stat().st_size if log.exists() else 0
    pool = ["--pool", "prefork", "--concurrency", str(WORKERS)]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return Part(
        name="worker",
        command=[sys.executable, "-m", "celery", "-A", "wopr", "worker", *pool, *quiet],
        environment=environment,
        folder=REPOSITORY,
        ready=lambda: b" ready." in log.read_bytes()[offset:],
        grace=10,
    )


def beat(environment: dict[str, str]) -> Part:
    """Return the scheduler."""
    return Part(
        name="beat",
        command=[sys.executable, "-m", "celery", "-A", "wopr", "beat", "--pidfile="],
        environment=environment,
        folder=REPOSITORY,
    )


def follower(environment: dict[str, str]) -> Part:
    """Return the process that follows the logs of bots which somebody watches."""
    return Part(
        name="follower",
        command=[sys.executable, "manage.py", "logs_follow"],
        environment=environment,
        folder=REPOSITORY,
    )


def answers(client: httpx.Client, url: str) -> bool:
    """Say whether an address answers with 200."""
    try:
        return bool(client.get(url, timeout=5).status_code == httpx.codes.OK)
    except httpx.TransportError:
        return False
