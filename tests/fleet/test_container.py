"""The container as the engine inspects it, and as its neighbours and the bot inside find it."""

import os
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command

from fleet.models import Instance
from fleet.services import node_add
from tenants.models import User
from tenants.services import tenant_create
from tests.fleet.world import World, inside, run_bot

MB = 1024 * 1024

# What the engine must report of every bot, whatever its tenant and plan.
HARDENING = {
    "Privileged": False,
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "CapAdd": None,
    # Nothing here replaces the engine's default seccomp profile.
    "SecurityOpt": ["no-new-privileges:true"],
    "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    "Init": True,
    "Runtime": "runc",
    "OomKillDisable": False,
    "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
    "Ulimits": [{"Name": "nofile", "Soft": 4096, "Hard": 8192}],
    # No namespace, folder, device or group of the host.
    "PidMode": "",
    "IpcMode": "private",
    "UTSMode": "",
    "UsernsMode": "",
    "CgroupnsMode": "private",
    "CgroupParent": "",
    "Binds": None,
    "VolumesFrom": None,
    "Devices": None,
    "DeviceRequests": None,
    "DeviceCgroupRules": None,
    "GroupAdd": None,
    "Links": None,
    "ExtraHosts": None,
    "PublishAllPorts": False,
}
LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}


@pytest.fixture(scope="module")
def instance(
    django_db_setup: None, django_db_blocker: Any, opened_world: World
) -> Iterator[Instance]:
    """One bot for all tests here, which only look at it. Not in any test's transaction."""
    opened_world.clean()
    with django_db_blocker.unblock():
        instance = new_bot()
        yield instance
        call_command("flush", interactive=False, verbosity=0)
    opened_world.clean()


def new_bot() -> Instance:
    owner = User.objects.create_user("alice@example.com")
    tenant = tenant_create(owner=owner, slug="alice-co", name="Alice")
    engine = os.environ["WOPR_STACK_ENGINE"]
    node = node_add(name="local", engine_url=engine, address="127.0.0.1", memory_mb=8192)
    return run_bot(tenant, node)


@pytest.fixture
def inspected(instance: Instance, opened_world: World) -> Any:
    """The bot as the engine sees it."""
    return opened_world.inspected(instance)


def test_a_bot_is_hardened_as_inspected(inspected: Any) -> None:
    host = inspected["HostConfig"]

    assert {name: host[name] for name in HARDENING} == HARDENING
    assert host["LogConfig"] == LOG
    assert inspected["Config"]["User"] == "1000:1000"
    assert {"/proc/kcore", "/sys/firmware"} <= set(host["MaskedPaths"])
    assert "/proc/sys" in host["ReadonlyPaths"]


def test_a_bot_is_limited_by_its_plan_and_swap_gives_it_no_more(inspected: Any) -> None:
    host = inspected["HostConfig"]

    assert host["Memory"] == host["MemorySwap"] == 256 * MB
    assert host["NanoCpus"] == 500_000_000
    assert host["PidsLimit"] == 128


def test_a_bot_has_one_volume_named_by_its_id_and_nothing_else_mounted(
    inspected: Any, instance: Instance, opened_world: World
) -> None:
    [mount] = inspected["Mounts"]

    assert (mount["Type"], mount["Destination"]) == ("volume", "/data")
    assert mount["Name"] == f"wopr-data-{instance.pk.hex}"
    assert opened_world.volumes(instance) == [mount["Name"]]


def test_a_bot_tells_whose_it_is_and_which_operation_made_it(
    inspected: Any, instance: Instance
) -> None:
    assert inspected["Name"] == f"/wopr-bot-{instance.pk.hex}"
    labels = dict(inspected["Config"]["Labels"])

    assert UUID(labels.pop("wopr.operation"))
    assert re.fullmatch("[0-9a-f]{64}", labels.pop("wopr.config"))
    assert labels.pop("wopr.image") == inspected["Config"]["Image"]
    assert labels == {
        "wopr.deployment": settings.WOPR_DEPLOYMENT,
        "wopr.tenant": str(instance.tenant_id),
        "wopr.instance": str(instance.pk),
    }


def test_a_bot_is_published_on_loopback_only(inspected: Any, instance: Instance) -> None:
    bindings = inspected["NetworkSettings"]["Ports"]

    assert bindings == {"7437/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(instance.host_port)}]}


def test_bots_share_a_bridge_that_keeps_them_apart(inspected: Any, opened_world: World) -> None:
    network = opened_world.engine.api.inspect_network(settings.WOPR_ENGINE_NETWORK)

    assert list(inspected["NetworkSettings"]["Networks"]) == [settings.WOPR_ENGINE_NETWORK]
    assert inspected["HostConfig"]["NetworkMode"] == settings.WOPR_ENGINE_NETWORK
    assert network["Driver"] == "bridge"
    assert network["Options"]["com.docker.network.bridge.enable_icc"] == "false"
    assert network["IPAM"]["Config"][0]["Subnet"] == settings.WOPR_ENGINE_SUBNET


def test_a_bot_gets_its_own_secrets_and_none_of_the_platforms(
    inspected: Any, instance: Instance
) -> None:
    environment = dict(line.split("=", 1) for line in inspected["Config"]["Env"])

    assert environment["HOME"] == environment["WOPR_HOME"] == "/data"
    assert environment["WOPR_DAEMON_HOST"] == "0.0.0.0"
    assert environment["WOPR_DAEMON_PORT"] == "7437"
    assert environment["WOPR_PLATFORM_TOKEN"] == instance.platform_token
    assert environment["WOPR_CREDENTIAL_KEY"] == instance.credential_key
    platform = {settings.SECRET_KEY, *settings.WOPR_FIELD_KEYS, settings.STRIPE_SECRET_KEY}
    platform |= {settings.CLOUDFLARE_API_TOKEN, settings.STRIPE_WEBHOOK_SECRET}
    assert not any(secret in value for value in environment.values() for secret in platform)


def test_the_digest_runs_and_not_the_tag(inspected: Any, instance: Instance) -> None:
    assert instance.release
    assert inspected["Config"]["Image"] == instance.release.digest
    assert "@sha256:" in instance.release.digest
    assert instance.release.image == os.environ["WOPR_BOT_IMAGE"]


def test_the_token_is_there_before_the_first_boot_and_is_honoured(
    inspected: Any, instance: Instance, opened_world: World
) -> None:
    look = "import os; s = os.stat('/data/daemon-token'); print(oct(s.st_mode), s.st_uid, s.st_gid)"
    url = f"http://{instance.upstream}/providers"

    assert inside(opened_world, inspected, look) == "0o100600 1000 1000"
    right = httpx.get(url, headers={"Authorization": f"Bearer {instance.daemon_token}"})
    assert right.status_code == 200
    assert httpx.get(url, headers={"Authorization": "Bearer guessed"}).status_code == 401


def test_a_bot_can_write_its_data_and_not_its_image(inspected: Any, opened_world: World) -> None:
    attempt = (
        "import pathlib\n"
        "for path in ('/data/x', '/tmp/x', '/app/x', '/x'):\n"
        "    try: pathlib.Path(path).write_text('x'); print('yes')\n"
        "    except OSError as error: print(error.strerror)"
    )

    answers = inside(opened_world, inspected, attempt).splitlines()

    assert answers == ["yes", "yes", "Read-only file system", "Read-only file system"]
