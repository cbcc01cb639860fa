"""The product in a process of its own, under an environment that a test chooses."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Enough for a production installation, and nothing that is a secret anywhere.
PRODUCTION = {
    "WOPR_ENV": "production",
    "SECRET_KEY": "not-a-secret-" * 5,
    "WOPR_FIELD_KEYS": "dGhpcy1pcy1uby1zZWNyZXQtYnV0LTMyLWJ5dGVzISE=",  # pragma: allowlist secret
    "STRIPE_SECRET_KEY": "sk_test_sandbox",
    "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
    "CLOUDFLARE_API_TOKEN": "token-of-nobody",
    "WOPR_EDGE_IPV4": "203.0.113.10",
}
# What the machine gives every process, and where the test's own database and queue are.
KEPT = ("PATH", "HOME", "LANG", "DATABASE_URL", "REDIS_URL")


def run(*command: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Runs Python in a production environment with these changes; None removes a variable."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    wanted = {**kept, **PRODUCTION, **environment}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={name: value for name, value in wanted.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=120,
    )


ASK = """
import json, sys, django
django.setup()
from django.test import Client
client = Client(SERVER_NAME="wopr.bot", raise_request_exception=False)
for path in sys.argv[2:]:
    answer = client.get(path, secure=sys.argv[1] == "https")
    told = {"status": answer.status_code, "headers": dict(answer.headers)}
    print(json.dumps({**told, "body": answer.content.decode()}))
"""


def ask(*paths: str, scheme: str = "https", **environment: str | None) -> list[dict[str, Any]]:
    """Status, headers and body of each page, as a process with this environment answers."""
    django = {"DJANGO_SETTINGS_MODULE": "wopr.settings", "ALLOWED_HOSTS": "wopr.bot"}
    told = run("-c", ASK, scheme, *paths, **{**django, **environment})
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines()]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
