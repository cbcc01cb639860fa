"""A bot's container in the engine's words: how it is asked for, and how it is read back."""

from collections.abc import Iterable
from typing import Any

import docker
from docker.types import LogConfig, Mount, Ulimit
from docker.utils import parse_repository_tag

from fleet.engines.base import ContainerSpec, ContainerState, Limits

DATA = "/data"
BOT_USER = 1000  # uid and gid of the bot in its image
# The digest that a container was asked to run. Podman reports it by a tag that its image has, too.
MADE_OF = "wopr.image"


def container_config(api: docker.APIClient, spec: ContainerSpec) -> dict[str, Any]:
    port = f"{spec.container_port}/tcp"
    config: dict[str, Any] = api.create_container_config(
        image=spec.image,
        command=[],
        labels={**spec.labels, MADE_OF: spec.image},
        environment=spec.environment,
        user=f"{BOT_USER}:{BOT_USER}",
        ports=[(spec.container_port, "tcp")],
        host_config=_host_config(api, spec, port),  # type: ignore[arg-type]
        networking_config=api.create_networking_config(
            {spec.network: api.create_endpoint_config()}  # type: ignore[arg-type]
        ),
    )
    return config


def _host_config(api: docker.APIClient, spec: ContainerSpec, port: str) -> dict[str, Any]:
    """The hardening of every bot; nothing that a customer or a plan says can relax it."""
    config: dict[str, Any] = api.create_host_config(
        # A mount of this type names a volume, whatever its name; a bind could name a folder.
        mounts=[Mount(target=DATA, source=spec.volume, type="volume")],
        port_bindings={port: spec.publish},
        network_mode=spec.network,
        cgroupns="private",  # the default is the host's where the kernel has cgroups of version 1
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        privileged=False,
        read_only=True,
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},  # noqa: S108  # nosec B108
        init=True,
        mem_limit=f"{spec.memory_mb}m",
        memswap_limit=f"{spec.memory_mb}m",
        nano_cpus=spec.cpu_millis * 1_000_000,
        pids_limit=spec.pids,
        restart_policy=restart_policy(True),
        log_config=LogConfig(type="json-file", config={"max-size": "10m", "max-file": "3"}),
        ulimits=[Ulimit(name="nofile", soft=4096, hard=8192)],
    )
    return config


def _limits(host_config: dict[str, Any]) -> Limits:
    return Limits(
        memory_mb=host_config["Memory"] // (1024 * 1024),
        cpu_millis=host_config["NanoCpus"] // 1_000_000,
        pids=host_config["PidsLimit"] or 0,
    )


def limits_body(limits: Limits) -> dict[str, int]:
    memory = limits.memory_mb * 1024 * 1024
    return {
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": limits.cpu_millis * 1_000_000,
        "PidsLimit": limits.pids,
    }


def restart_policy(restarts: bool) -> Any:
    return {"Name": "unless-stopped" if restarts else "no"}


def digest_among(digests: Iterable[str], name: str, labels: dict[str, str]) -> str:
    """Which digest of its image a container was made of; its name if the engine knows none.

    An image of several platforms has more than one. The label chooses; it is never just believed.
    """
    repository, _ = parse_repository_tag(name)
    of_it = [digest for digest in digests if digest.startswith(f"{repository}@")]
    return next((digest for digest in of_it if digest == labels.get(MADE_OF)), (*of_it, name)[0])


def state_of(inspected: dict[str, Any], image: str, *, starts_stopped: bool) -> ContainerState:
    """`starts_stopped` tells whether the engine's policy starts one that was stopped, too."""
    state, ports = inspected["State"], inspected["NetworkSettings"].get("Ports") or {}
    is_up = bool(state["Running"])
    bound = next((b[0] for b in ports.values() if b), None) if is_up else None
    has_policy = inspected["HostConfig"]["RestartPolicy"]["Name"] not in {"", "no"}
    return ContainerState(
        id=inspected["Id"],
        name=inspected["Name"].lstrip("/"),
        image_digest=image,
        running=is_up and not state.get("Restarting", False),
        exit_code=int(state.get("ExitCode", 0)),
        labels=inspected["Config"].get("Labels") or {},
        published=(bound["HostIp"], int(bound["HostPort"])) if bound else None,
        limits=_limits(inspected["HostConfig"]),
        restarts=has_policy and (is_up or starts_stopped),
    )
