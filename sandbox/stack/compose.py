"""`make compose-test`: compose.yaml as a whole on the real engine, and a customer's way through."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from sandbox.stack import journey
from sandbox.stack.compose_metrics import PROMETHEUS, Metrics, watched
from sandbox.stack.compose_project import (
    CLOUDFLARE_TOKEN,
    UP,
    Project,
    api_addresses,
    fill_database,
    project_up,
    write_environment,
)
from sandbox.stack.infrastructure import DASHBOARD_HOST, TENANT_DOMAIN
from sandbox.stack.places import MACHINE, Folder
from sandbox.stack.supervisor import wait_until

PASSWORD = "--password-file /run/secrets/BACKUP_PASSWORD"
EXPORT = "/var/lib/wopr/backups/ada.tar"
USERS_OF_THE_DATABASE = "platform-api platform-ui gateway gateway-for-bots worker follower beat"
RECIPES = (
    f"backup_platform {PASSWORD}",
    f"restore_platform {PASSWORD} --list",
    f"export_tenant {journey.SLUG} --to {EXPORT}",
    "drift",
    "billing_audit",
    "stripe_sync --dry-run",
    "dns_reconcile --dry-run",
    "provider_health",
    "audit_cloud",
    "fleet_costs",
    "rotate_keys",
    "node_drain local --because service",
    "node_evacuate local --dry-run",
)
MAY_HAVE_THE_ENGINE = {"worker", "follower"}


def compose_test(_: argparse.Namespace) -> int:
    """Build the images, bring everything up, play the main job, look at what runs, take it down."""
    with (
        tempfile.TemporaryDirectory(prefix="wopr-compose-", dir=MACHINE) as folder,
        project_up(Folder(Path(folder))) as project,
    ):
        metrics = watched(project)
        environment = journey_environment(project)
        print("\nThe journey of a customer", flush=True)
        with journey.customer_of(environment) as customer:
            journey.play(customer, journey.STAGES)
        look_at_containers(project)
        metrics.follow(replicas=3)
        survive_a_replica(project, environment)
        scale_out(project, environment, metrics)
        consult_doctor(project)
        metrics.trip()
        try_recipes(project)
        metrics.look()
        metrics.wait_for_alert()
        lose_the_database(project, environment)
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
    services = [*project.compose("config", "--services").split(), PROMETHEUS]
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
        # All of it but the first process, which ends with it: so the engine starts it again.
        replicas[0].exec_run(["bash", "-c", "kill -KILL -1"])
        for _ in range(30):
            customer.get("/api/v1/plans")
    wait_until(lambda: is_up_again(replicas[0]), timeout=120, what="the replica to be back")
    print("  a killed replica of the API went unnoticed, and is back", flush=True)


def scale_out(project: Project, environment: dict[str, str], metrics: Metrics) -> None:
    """Run five replicas of the API; those that are new answer alone while the others are away."""
    first = int(project.variables["WOPR_API_PORTS"].partition("-")[0])
    project.variables |= api_addresses(first, 5)
    write_environment(project)
    project.compose(*UP)
    replicas = {port_of(container): container for container in project.containers("platform-api")}
    journey.expect(sorted(replicas) == [*range(first, first + 5)], "five replicas", [*replicas])
    for port in range(first, first + 3):
        replicas[port].stop()
    with journey.customer_of(environment) as customer:
        for _ in range(10):
            customer.get("/api/v1/plans")
    project.compose("start", "platform-api")
    metrics.follow(replicas=5)
    print("  five replicas of the API: the two new ones answered alone", flush=True)


def port_of(container: Any) -> int:
    """Return where one replica is published."""
    return int(container.attrs["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"])


def consult_doctor(project: Project) -> None:
    """Have the product's own doctor look at everything outside, from where workers are."""
    for line in project.manage("doctor").splitlines():
        print(f"  {line}", flush=True)


def try_recipes(project: Project) -> None:
    """Do what docs/operations.md tells an operator to, and print what each says last."""
    for recipe in RECIPES:
        said = project.manage(*recipe.split()).strip().splitlines() or ["nothing to say"]
        print(f"  {recipe.split()[0]:<18} {said[-1][:100]}", flush=True)
    with tempfile.TemporaryDirectory() as here:
        project.compose("cp", f"worker:{EXPORT}", here)
        size = Path(here, Path(EXPORT).name).stat().st_size
    print(f"  the export, copied   {size >> 10} KB", flush=True)


def lose_the_database(project: Project, environment: dict[str, str]) -> None:
    """Bring all of it back from the backup; the customer's bot has not even noticed."""
    project.compose("stop", *USERS_OF_THE_DATABASE.split())
    sql = [f"--command={word} DATABASE wopr" for word in ("DROP", "CREATE")]
    psql = ("psql", "--host=/var/run/postgresql", "--username=wopr", "postgres")
    project.compose("exec", "--no-TTY", "postgres", *psql, *sql)
    fill_database(project)
    project.compose("run", "--rm", "--no-TTY", "migrate")
    restore = ("manage", "restore_platform", *PASSWORD.split())
    said = project.compose("run", "--rm", "--no-TTY", "worker", *restore)
    project.compose(*UP)
    with journey.customer_of(environment) as customer:
        bot = f"https://{journey.SLUG}.{TENANT_DOMAIN}:{project.variables['WOPR_EDGE_PORT']}/health"
        journey.expect(customer.browser.get(bot).is_success, "the bot of before")
        customer.get("/api/v1/plans")
    drift = project.manage("drift")
    journey.expect(project.name not in drift, "nothing of the platform's own reported", drift)
    print(f"  a lost database      {said.strip()}", flush=True)


def is_up_again(container: Any) -> bool:
    """Say whether a container was started again, and is healthy."""
    container.reload()
    health = container.attrs["State"].get("Health", {})
    return bool(container.attrs["RestartCount"] and health.get("Status") == "healthy")
