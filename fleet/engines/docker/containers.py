"""Containers: made as their spec says, started, stopped, changed and looked at."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from docker.errors import NotFound

from fleet.engines.base import ContainerSpec, ContainerState, Limits, NotInPlace
from fleet.engines.docker.config import (
    container_config,
    digest_among,
    limits_body,
    restart_policy,
    state_of,
)
from fleet.engines.docker.connection import translated
from fleet.engines.docker.registries import insist_on_registry
from fleet.engines.docker.storage import Networks

STOP_GRACE = 10  # seconds between SIGTERM and SIGKILL


class Containers(Networks):
    def find_container(self, name: str) -> ContainerState | None:
        with translated(f"The container {name} could not be looked up"):
            try:
                inspected = self._api.inspect_container(name)
            except NotFound:
                return None
            # Podman never starts what was stopped, and cannot change the policy of what is there.
            image = self._image_of(inspected)
            return state_of(inspected, image, starts_stopped=not self._is_podman)

    def _image_of(self, inspected: dict[str, Any]) -> str:
        name: str = inspected["Config"]["Image"]
        if "sha256:" in name or not self._is_podman:
            return name
        found = self._api.inspect_image(inspected["Image"])  # type: ignore[no-untyped-call]
        return digest_among(found["RepoDigests"] or (), name, inspected["Config"]["Labels"] or {})

    def create_container(self, spec: ContainerSpec) -> str:
        with translated(f"The container {spec.name} could not be created"):
            insist_on_registry(spec.image)
            if self._is_podman:
                spec = replace(spec, network=self._own_network(spec.name))
            created = self._api.create_container_from_config(  # type: ignore[no-untyped-call]
                container_config(self._api, spec), name=spec.name
            )
        return str(created["Id"])

    def start_container(self, name: str) -> None:
        with translated(f"The container {name} could not be started"):
            self._api.start(name)

    def set_restarting(self, name: str, *, restarts: bool) -> None:
        with translated(f"The restart policy of {name} could not be changed"):
            if not self._is_podman:
                self._api.update_container(name, restart_policy=restart_policy(restarts))

    def set_limits(self, name: str, limits: Limits) -> None:
        if self._is_podman:
            # What it changes of a container that runs is forgotten when that starts again.
            raise NotInPlace(f"The limits of {name} cannot be changed by Podman", permanent=True)
        with translated(f"The limits of {name} could not be changed"):
            api: Any = self._api  # docker-py's own update_container knows no pids limit
            api._raise_for_status(
                api._post_json(api._url("/containers/{0}/update", name), data=limits_body(limits))
            )

    def stop_container(self, name: str) -> None:
        with translated(f"The container {name} could not be stopped"):
            try:
                self._api.stop(name, timeout=STOP_GRACE)
            except NotFound:
                return

    def remove_container(self, name: str) -> None:
        with translated(f"The container {name} could not be removed"):
            with suppress(NotFound):
                self._api.remove_container(name, force=True)
            if self._is_podman:
                self._drop_own_network(name)
