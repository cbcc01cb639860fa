"""Docker Engine, and whatever speaks its API (Podman), through docker-py's low-level client."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import IPAMConfig, IPAMPool, LogConfig, Mount, Ulimit
from docker.utils import parse_repository_tag

from fleet.engines.base import ContainerSpec, ContainerState, Engine, Limits
from wopr.common.errors import ProviderError

TIMEOUT = 120  # seconds; a start can wait long behind others on a loaded engine
STOP_GRACE = 10  # seconds between SIGTERM and SIGKILL
DATA = "/data"
BOT_USER = 1000  # uid and gid of the bot in its image


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (ImageNotFound, NotFound) as error:
        raise ProviderError(f"{what}: {error.explanation}", permanent=True) from error
    except APIError as error:
        permanent = error.is_client_error() and error.status_code not in {409, 429}
        raise ProviderError(f"{what}: {error.explanation}", permanent=permanent) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise ProviderError(f"{what}: the container engine did not answer ({error})") from error


class DockerEngine:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connected: docker.APIClient | None = None

    @property
    def _api(self) -> docker.APIClient:
        if self._connected is None:
            with _translated(f"The engine at {self._url} cannot be reached"):
                self._connected = docker.APIClient(
                    base_url=self._url, version="auto", timeout=TIMEOUT
                )
        return self._connected

    def pull(self, image: str) -> str:
        repository, tag = parse_repository_tag(image)
        with _translated(f"The image {image} could not be pulled"):
            for line in self._api.pull(repository, tag or "latest", stream=True, decode=True):
                if "error" in line:
                    raise ProviderError(
                        f"The image {image} could not be pulled: {line['error']}",
                        permanent="not found" in line["error"] or "unknown" in line["error"],
                    )
            digests = self._api.inspect_image(image)["RepoDigests"]  # type: ignore[no-untyped-call]
        return next(str(d) for d in digests if d.startswith(f"{repository}@"))

    def ensure_network(self, name: str, subnet: str) -> None:
        what = f"The network {name} could not be created"
        with _translated(what):
            if self._has_network(name):
                return
            try:
                self._create_network(name, subnet)
            except APIError as error:
                # Another worker was faster, or is making it now: its subnet is taken first, and
                # its name shows later. So this is never the last word.
                if not self._has_network(name):
                    raise ProviderError(f"{what}: {error.explanation}") from error

    def _has_network(self, name: str) -> bool:
        return any(network["Name"] == name for network in self._api.networks(names=[name]))

    def _create_network(self, name: str, subnet: str) -> None:
        self._api.create_network(
            name,
            driver="bridge",
            check_duplicate=True,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)]),
            options={"com.docker.network.bridge.enable_icc": "false"},
        )

    def find_volume(self, name: str) -> dict[str, str] | None:
        with _translated(f"The volume {name} could not be looked up"):
            try:
                return self._api.inspect_volume(name).get("Labels") or {}
            except NotFound:
                return None

    def create_volume(self, name: str, labels: dict[str, str]) -> None:
        with _translated(f"The volume {name} could not be created"):
            self._api.create_volume(name, labels=labels)

    def remove_volume(self, name: str) -> None:
        with _translated(f"The volume {name} could not be removed"):
            try:
                self._api.remove_volume(name)
            except NotFound:
                return

    def volume_sizes(self) -> dict[str, int]:
        with _translated("The volumes' sizes could not be read"):
            volumes = self._api.df()["Volumes"] or []
        sizes = {v["Name"]: (v.get("UsageData") or {}).get("Size", -1) for v in volumes}
        return {name: size for name, size in sizes.items() if size >= 0}

    def find_container(self, name: str) -> ContainerState | None:
        with _translated(f"The container {name} could not be looked up"):
            try:
                return _state(self._api.inspect_container(name))
            except NotFound:
                return None

    def create_container(self, spec: ContainerSpec) -> str:
        with _translated(f"The container {spec.name} could not be created"):
            created = self._api.create_container_from_config(  # type: ignore[no-untyped-call]
                _config(self._api, spec), name=spec.name
            )
        return str(created["Id"])

    def has_file(self, name: str, path: str) -> bool:
        with _translated(f"The data of {name} could not be looked at"):
            try:
                content, _ = self._api.get_archive(name, f"{DATA}/{path}")
            except NotFound:
                return False
            return any(content)

    def seed_files(self, name: str, files: dict[str, bytes]) -> None:
        with _translated(f"The data of {name} could not be written"):
            self._api.put_archive(name, DATA, _archive(files))

    def start_container(self, name: str) -> None:
        with _translated(f"The container {name} could not be started"):
            self._api.start(name)

    def set_restarting(self, name: str, *, restarts: bool) -> None:
        with _translated(f"The restart policy of {name} could not be changed"):
            self._api.update_container(name, restart_policy=_restart_policy(restarts))

    def set_limits(self, name: str, limits: Limits) -> None:
        with _translated(f"The limits of {name} could not be changed"):
            api: Any = self._api  # docker-py's own update_container knows no pids limit
            api._raise_for_status(
                api._post_json(api._url("/containers/{0}/update", name), data=_limits_body(limits))
            )

    def read_data(self, name: str) -> Iterator[bytes]:
        with _translated(f"The data of {name} could not be read"), self._frozen(name):
            chunks, _ = self._api.get_archive(name, f"{DATA}/.")
            yield from chunks

    @contextmanager
    def _frozen(self, name: str) -> Iterator[None]:
        """Nothing in the container runs inside this; one that does not run stays as it is."""
        if not self._api.inspect_container(name)["State"]["Running"]:
            yield
            return
        self._api.pause(name)
        try:
            yield
        finally:
            self._api.unpause(name)

    def scratch_container(self, name: str, image: str, labels: dict[str, str]) -> None:
        with _translated(f"The scratch container {name} could not be created"):
            self._api.create_volume(name, labels=labels)
            host = self._api.create_host_config(
                binds={name: {"bind": DATA, "mode": "rw"}}, network_mode="none", cap_drop=["ALL"]
            )
            config = self._api.create_container_config(
                image=image,
                command=[],
                labels=labels,
                host_config=host,
            )
            self._api.create_container_from_config(config, name=name)  # type: ignore[no-untyped-call]

    def write_data(self, name: str, tar: Iterable[bytes]) -> None:
        with _translated(f"The data of {name} could not be written"):
            self._api.put_archive(name, DATA, tar)

    def stop_container(self, name: str) -> None:
        with _translated(f"The container {name} could not be stopped"):
            try:
                self._api.stop(name, timeout=STOP_GRACE)
            except NotFound:
                return

    def remove_container(self, name: str) -> None:
        with _translated(f"The container {name} could not be removed"):
            try:
                self._api.remove_container(name, force=True)
            except NotFound:
                return


@lru_cache(maxsize=256)
def engine(url: str) -> Engine:
    """The engine at that address; its connections are kept between calls."""
    return DockerEngine(url)


def _config(api: docker.APIClient, spec: ContainerSpec) -> dict[str, Any]:
    port = f"{spec.container_port}/tcp"
    config: dict[str, Any] = api.create_container_config(
        image=spec.image,
        command=[],
        labels=spec.labels,
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
        restart_policy=_restart_policy(True),
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


def _limits_body(limits: Limits) -> dict[str, int]:
    memory = limits.memory_mb * 1024 * 1024
    return {
        "Memory": memory,
        "MemorySwap": memory,
        "NanoCpus": limits.cpu_millis * 1_000_000,
        "PidsLimit": limits.pids,
    }


def _restart_policy(restarts: bool) -> Any:
    return {"Name": "unless-stopped" if restarts else "no"}


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o600, BOT_USER, BOT_USER
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _state(inspected: dict[str, Any]) -> ContainerState:
    state, ports = inspected["State"], inspected["NetworkSettings"].get("Ports") or {}
    bound = next((b[0] for b in ports.values() if b), None)
    return ContainerState(
        id=inspected["Id"],
        name=inspected["Name"].lstrip("/"),
        image_digest=inspected["Config"]["Image"],
        running=bool(state["Running"]) and not state.get("Restarting", False),
        exit_code=int(state.get("ExitCode", 0)),
        labels=inspected["Config"].get("Labels") or {},
        published=(bound["HostIp"], int(bound["HostPort"])) if bound else None,
        limits=_limits(inspected["HostConfig"]),
        restarts=inspected["HostConfig"]["RestartPolicy"]["Name"] not in {"", "no"},
    )
