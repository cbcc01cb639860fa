"""Where a stack keeps its things."""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet

REPOSITORY = Path(__file__).resolve().parents[2]
# Not below a home: PostgreSQL runs as an unprivileged user when we are root.
MACHINE = Path("/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir())
SHARED = MACHINE / f"wopr-{os.getuid()}"
CACHE = SHARED / "cache"


class Folder:
    """The folder of one stack: logs, generated secrets, and the data of the parts."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self._kept = self.path / "secrets.json"
        self._lock = threading.Lock()

    @property
    def logs(self) -> Path:
        """Return the folder of the parts' logs."""
        return self.path / "logs"

    @property
    def deployment(self) -> str:
        """Return the name that marks this stack's objects on a shared engine."""
        return f"wopr-{hashlib.sha256(str(self.path).encode()).hexdigest()[:8]}"

    @property
    def database(self) -> Path:
        """Return PostgreSQL's folder, which its unprivileged user must be able to reach."""
        if os.getuid() == 0:
            return SHARED / "databases" / self.deployment
        return self.path / "postgres"

    def write_private(self, name: str, text: str) -> Path:
        """Write a file that only its owner reads."""
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return path

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """Return a generated secret, made once and then kept."""
        with self._lock:
            kept: dict[str, str] = json.loads(self._kept.read_text()) if self._kept.exists() else {}
            if name not in kept:
                kept[name] = make()
                self.write_private(self._kept.name, json.dumps(kept, indent=2))
            return kept[name]

    def field_key(self) -> str:
        """Return the key that encrypts the database's secret fields."""
        return self.secret("field key", lambda: Fernet.generate_key().decode())

    def remove(self) -> None:
        """Delete everything that belongs to this stack."""
        shutil.rmtree(self.database, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
