"""Containers: made as their spec says, started, stopped, changed and looked at."""

from typing import Any

from docker.errors import NotFound

from fleet.engines.base import ContainerSpec, ContainerState, Limits
from fleet.engines.docker.config import (
    container_config,
    limits_body,
    restart_policy,
    state_of,
)
from fleet.engines.docker.connection import Connection, translated

STOP_GRACE = 10  # seconds between SIGTERM and SIGKILL


class Containers(Connection):
    def find_container(self, name: str) -> ContainerState | None:
        with translated(f"The container {name} could not be looked up"):
            try:
                return state_of(self._api.inspect_container(name))
            except NotFound:
                return None

    def create_container(self, spec: ContainerSpec) -> str:
        with translated(f"The container {spec.name} could not be created"):
            created = self._api.create_container_from_config(  # type: ignore[no-untyped-call]
                container_config(self._api, spec), name=spec.name
            )
        return str(created["Id"])

    def start_container(self, name: str) -> None:
        with translated(f"The container {name} could not be started"):
            self._api.start(name)

    def set_restarting(self, name: str, *, restarts: bool) -> None:
        with translated(f"The restart policy of {name} could not be changed"):
            self._api.update_container(name, restart_policy=restart_policy(restarts))

    def set_limits(self, name: str, limits: Limits) -> None:
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
            try:
                self._api.remove_container(name, force=True)
            except NotFound:
                return
