"""The sandbox vendors (see `sandbox.serve`) as one process of the stack."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.serve import PORTS
from sandbox.stack.places import REPOSITORY, Folder
from sandbox.stack.supervisor import Part, Supervisor

STRIPE_KEY = "sk_test_sandbox"
CLOUDFLARE_TOKEN = "cloudflare-token-sandbox"
HETZNER_TOKEN = "hetzner-token-sandbox"
DIGITALOCEAN_TOKEN = "digitalocean-token-sandbox"
AUTHENTIK_TOKEN = "authentik-token-sandbox"
# The platform's own application at Authentik, as .env.example has it.
AUTHENTIK_APPLICATION = "wopr"
AUTHENTIK_CLIENT_ID = "wopr-platform"
AUTHENTIK_STAFF_GROUP = "wopr-staff"


@dataclass(frozen=True)
class Vendors:
    """Where the sandbox vendors answer."""

    stripe: str
    cloudflare: str
    mailbox: str
    smtp: str
    hetzner: str
    digitalocean: str
    authentik: str


def start_vendors(
    supervisor: Supervisor,
    folder: Folder,
    *,
    shop_url: str,
    webhook_url: str,
    zones: tuple[str, ...],
    ports: dict[str, int],
) -> Vendors:
    """Start them and return the addresses that they print when all listen."""
    log = supervisor.logs / "vendors.log"
    offset = log.stat().st_size if log.exists() else 0
    supervisor.start(
        Part(
            name="vendors",
            command=[
                *command(folder, webhook_url, zones, ports),
                "--authentik-platform",
                *platform(folder, shop_url),
            ],
            folder=REPOSITORY,
            ready=lambda: announced(log, offset) is not None,
        )
    )
    addresses = announced(log, offset)
    assert addresses is not None
    return addresses


def command(
    folder: Folder, webhook_url: str, zones: tuple[str, ...], ports: dict[str, int]
) -> list[str | Path]:
    """Return the command line of the vendors' process."""
    arguments = {
        "--stripe-key": STRIPE_KEY,
        "--webhook-secret": webhook_secret(folder),
        "--webhook-url": webhook_url,
        "--cloudflare-token": CLOUDFLARE_TOKEN,
        "--hetzner-token": HETZNER_TOKEN,
        "--digitalocean-token": DIGITALOCEAN_TOKEN,
        "--authentik-token": AUTHENTIK_TOKEN,
        "--state": str(folder.path / "vendors.state"),
    }
    for name in PORTS:
        arguments[f"--{name}-port"] = str(ports.get(name, 0))
    flat = [part for pair in arguments.items() for part in pair]
    flat += [part for zone in zones for part in ("--zone", zone)]
    return [sys.executable, "-m", "sandbox.serve", *flat]


def platform(folder: Folder, shop_url: str) -> list[str]:
    """Return how Authentik knows the product: where it sends people back to, and who is staff."""
    back = f"{shop_url}/accounts/sso/callback"
    secret = folder.secret("authentik client secret")
    return [AUTHENTIK_APPLICATION, AUTHENTIK_CLIENT_ID, secret, back, AUTHENTIK_STAFF_GROUP]


def webhook_secret(folder: Folder) -> str:
    """Return the secret that signs webhooks between this stack's sandbox and product."""
    return f"whsec_sandbox_{folder.secret('webhook secret')}"


def announced(log: Path, offset: int) -> Vendors | None:
    """Return the addresses once the process has printed them."""
    with log.open("rb") as file:
        file.seek(offset)
        for line in file.read().decode(errors="replace").splitlines():
            if line.startswith('{"stripe"') and line.endswith("}"):
                found = json.loads(line)
                return Vendors(**{name: found[name] for name in Vendors.__annotations__})
    return None
