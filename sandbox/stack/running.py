"""`make run`: everything on this machine until Ctrl-C."""

import argparse
import json
import os
from pathlib import Path

from sandbox.stack import bot_image
from sandbox.stack.containers import remove_all
from sandbox.stack.engine import find_or_start_engine
from sandbox.stack.infrastructure import (
    STAFF_EMAIL,
    Infrastructure,
    Wishes,
    started_infrastructure,
)
from sandbox.stack.places import Folder
from sandbox.stack.product import start_product
from sandbox.stack.second_factor import key_of
from sandbox.stack.slots import claim_slot
from sandbox.stack.supervisor import Supervisor

WHERE_TO_CLICK = """
WOPR is running. Where to click:

  dashboard   {dashboard}
  admin       {admin}   ({staff_email}, password {staff_password})
              (its second factor: `make code` prints the code of the moment; or put the key
              {staff_authenticator} into an authenticator app)
  mailbox     {mailbox}   (every e-mail that WOPR sent)
  Stripe      {stripe}   (the sandbox's customers, events and clock)
  DNS         {nameserver}   (the DNS of customers' own domains; PUT /NAME/TYPE writes)
  Cloudflare  {cloudflare}   (the sandbox's DNS records)
  Authentik   {authentik}   (the sandbox's people and their single sign-on)
  providers   {hetzner}  {digitalocean}   (the sandbox's machines)

The certificates come from an authority of this machine's own. To make a browser trust it,
import {authority} as an authority (or accept the warning).
Logs are in {logs}. Ctrl-C stops everything; what you made is kept for the next time.
"""


def run(options: argparse.Namespace) -> int:
    """Start everything, print where to click, and stop it all on Ctrl-C."""
    wishes = Wishes(folder=options.folder, free_ports=options.free_ports)
    with started_infrastructure(wishes) as parts:
        start_product(parts)
        about = describe(parts)
        print(WHERE_TO_CLICK.format(**about), flush=True)
        parts.supervisor.say("ready")
        if options.ready_file is not None:
            announce(options.ready_file, {**about, "environment": parts.environment()})
        try:
            parts.supervisor.wait()
        except KeyboardInterrupt:
            parts.supervisor.say("asked to stop")
    return 0


def describe(parts: Infrastructure) -> dict[str, str]:
    """Return the addresses and credentials that a person needs."""
    found = parts.environment()
    return {
        "dashboard": parts.dashboard_url,
        "admin": f"{parts.dashboard_url}/admin/",
        "mailbox": found["SANDBOX_MAILBOX_URL"],
        "stripe": found["SANDBOX_STRIPE_URL"],
        "cloudflare": found["SANDBOX_CLOUDFLARE_URL"],
        "nameserver": found["SANDBOX_NAMESERVER_URL"],
        "hetzner": found["SANDBOX_HETZNER_URL"],
        "digitalocean": found["SANDBOX_DIGITALOCEAN_URL"],
        "authentik": found["SANDBOX_AUTHENTIK_URL"],
        "staff_email": STAFF_EMAIL,
        "staff_authenticator": key_of(parts.folder),
        "staff_password": parts.folder.secret("staff password"),
        "authority": found["WOPR_EDGE_CA_FILE"],
        "logs": str(parts.folder.logs),
        "folder": str(parts.folder.path),
    }


def announce(file: Path, about: dict[str, object]) -> None:
    """Write the ready file in one piece, readable by its owner only."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(about, indent=2))
    unfinished.rename(file)


def clean(options: argparse.Namespace) -> int:
    """Remove a stack's database, files, containers and volumes."""
    if not options.folder.exists():
        return 0
    folder = Folder(options.folder)
    slot = claim_slot(folder, keep=False)
    supervisor = Supervisor(folder.logs)
    client = find_or_start_engine(supervisor).client()
    remove_all(client, folder.deployment, bot_image.repository_at(slot.port("registry")))
    folder.remove()
    supervisor.say(f"removed {folder.path}")
    return 0
