"""Volumes, the data in them, and the network that bots share without reaching one another."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from fleet.engines.docker.config import BOT_USER, DATA
from fleet.engines.docker.connection import Connection, translated
from wopr.common.errors import ProviderError


class Networks(Connection):
    def ensure_network(self, name: str, subnet: str) -> None:
        if self._is_podman:
            return  # its bridges cannot keep containers apart: each gets one of its own
        what = f"The network {name} could not be created"
        with translated(what):
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

    def _own_network(self, name: str) -> str:
        """A bridge for one container, which no other bridge reaches; named like it."""
        if not self._has_network(name):
            self._api.create_network(name, driver="bridge", options={"isolate": "true"})
        return name

    def _drop_own_network(self, name: str) -> None:
        with suppress(NotFound):
            self._api.remove_network(name)


class Volumes(Connection):
    def find_volume(self, name: str) -> dict[str, str] | None:
        with translated(f"The volume {name} could not be looked up"):
            try:
                return self._api.inspect_volume(name).get("Labels") or {}
            except NotFound:
                return None

    def create_volume(self, name: str, labels: dict[str, str]) -> None:
        with translated(f"The volume {name} could not be created"):
            self._api.create_volume(name, labels=labels)

    def remove_volume(self, name: str) -> None:
        with translated(f"The volume {name} could not be removed"):
            try:
                self._api.remove_volume(name)
            except NotFound:
                return

    def volume_sizes(self) -> dict[str, int]:
        with translated("The volumes' sizes could not be read"):
            volumes = self._api.df()["Volumes"] or []
        sizes = {v["Name"]: (v.get("UsageData") or {}).get("Size", -1) for v in volumes}
        return {name: size for name, size in sizes.items() if size >= 0}

    def has_file(self, name: str, path: str) -> bool:
        api: Any = self._api  # docker-py only fetches files; the engine tells of one far sooner
        with translated(f"The data of {name} could not be looked at"):
            url = api._url("/containers/{0}/archive", name)
            answer = api.head(url, params={"path": f"{DATA}/{path}"}, timeout=api.timeout)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return False
            api._raise_for_status(answer)
            return True

    def seed_files(self, name: str, files: dict[str, bytes]) -> None:
        with translated(f"The data of {name} could not be written"):
            self._api.put_archive(name, DATA, _archive(files))

    def read_data(self, name: str) -> Iterator[bytes]:
        with translated(f"The data of {name} could not be read"), self._frozen(name):
            chunks, _ = self._api.get_archive(name, f"{DATA}/.")
            yield from chunks

    @contextmanager
    def _frozen(self, name: str) -> Iterator[None]:
        """Nothing in the container runs inside this; one that does not run stays as it is.

        One that is frozen already was left so by a worker that died, and is let go in the end.
        """
        state = self._api.inspect_container(name)["State"]
        if not state["Running"]:
            yield
            return
        if not state["Paused"]:
            self._api.pause(name)
        try:
            yield
        finally:
            self._api.unpause(name)

    def scratch_container(self, name: str, image: str, labels: dict[str, str]) -> None:
        with translated(f"The scratch container {name} could not be created"):
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
        with translated(f"The data of {name} could not be written"):
            self._api.put_archive(name, DATA, tar)


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o600, BOT_USER, BOT_USER
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
