"""`make compose-test`: compose.yaml as a whole on the real engine, and a customer's way through."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from sandbox.stack import journey
from sandbox.stack.compose_project import CLOUDFLARE_TOKEN, Project, project_up
from sandbox.stack.infrastructure import DASHBOARD_HOST
from sandbox.stack.places import MACHINE, Folder
from sandbox.stack.supervisor import wait_until

MAY_HAVE_THE_ENGINE = {"worker", "follower"}


def compose_test(_: argparse.Namespace) -> int:
    """Build the images, bring everything up, play the main job, look at what runs, take it down."""
    with (
        tempfile.TemporaryDirectory(prefix="wopr-compose-", dir=MACHINE) as folder,
        project_up(Folder(Path(folder))) as project,
    ):
        environment = journey_environment(project)
        print("\nThe journey of a customer", flush=True)
        with journey.customer_of(environment) as customer:
            journey.play(customer, journey.STAGES)
        look_at_containers(project)
        survive_a_replica(project, environment)
        consult_doctor(project)
        keep_a_backup(project)
    return 0


def journey_environment(project: Project) -> dict[str, str]:
    """Return what a customer of the journey knows."""
    said = project.variables
    authority = project.folder.path / "authority.crt"
    root = "/data/caddy/pki/authorities/local/root.crt"
    authority.write_text(project.compose("exec", "--no-TTY", "caddy", "cat", root))
    loopback = "http://127.0.0.1:"
    return {
        "WOPR_DASHBOARD_URL": f"https://{DASHBOARD_HOST}:{said['WOPR_EDGE_PORT']}",
        "WOPR_EDGE_CA_FILE": str(authority),
        "WOPR_STACK_ENGINE": project.engine.url,
        "WOPR_DEPLOYMENT": said["WOPR_DEPLOYMENT"],
        "SANDBOX_STRIPE_URL": f"{loopback}{said['SANDBOX_STRIPE_PORT']}",
        "SANDBOX_MAILBOX_URL": f"{loopback}{said['SANDBOX_MAILBOX_PORT']}",
        "CLOUDFLARE_API_URL": f"{loopback}{said['SANDBOX_CLOUDFLARE_PORT']}/client/v4",
        "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
    }


def look_at_containers(project: Project) -> None:
    """See as the engine inspects them that our own containers obey the rules of bots'."""
    services = project.compose("config", "--services").split()
    for service in services:
        for container in project.containers(service):
            look_at(service, container.attrs)
    print(f"  hardened: {', '.join(sorted(services))}", flush=True)


def look_at(service: str, attributes: dict[str, Any]) -> None:
    """See one container's limits."""
    host = attributes["HostConfig"]
    has_socket = any("docker.sock" in mount["Destination"] for mount in attributes["Mounts"])
    expect = journey.expect
    expect(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], f"{service} hardened", host)
    expect(attributes["Config"]["User"] not in ("", "0", "root"), f"{service} not as root")
    expect(host["Memory"] and host["NanoCpus"] and host["PidsLimit"], f"limits of {service}", host)
    expect(not host["Privileged"], f"{service} unprivileged")
    expect(not has_socket or service in MAY_HAVE_THE_ENGINE, f"no engine for {service}")


def survive_a_replica(project: Project, environment: dict[str, str]) -> None:
    """Kill one replica of the API; no request may notice."""
    replicas = project.containers("platform-api")
    journey.expect(len(replicas) == 3, "three replicas of the API", replicas)
    with journey.customer_of(environment) as customer:
        customer.get("/api/v1/plans")
        replicas[0].kill()
        for _ in range(30):
            customer.get("/api/v1/plans")
    wait_until(lambda: is_up_again(replicas[0]), timeout=120, what="the replica to be back")
    print("  a killed replica of the API went unnoticed, and is back", flush=True)


def consult_doctor(project: Project) -> None:
    """Have the product's own doctor look at everything outside, from where workers are."""
    for line in project.manage("doctor").splitlines():
        print(f"  {line}", flush=True)


def keep_a_backup(project: Project) -> None:
    """Keep a backup of the platform, as deploy.sh does before it migrates."""
    password = ("--password-file", "/run/secrets/BACKUP_PASSWORD")
    print(f"  {project.manage('backup_platform', *password).strip()}", flush=True)


def is_up_again(container: Any) -> bool:
    """Say whether a container runs and is healthy."""
    container.reload()
    state = container.attrs["State"]
    if state["Status"] != "running":
        container.start()
    return bool(state.get("Health", {}).get("Status") == "healthy")
