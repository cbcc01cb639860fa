"""Looking on: what containers write, what they use, and what happened to them."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests
from docker.errors import DockerException, NotFound

from fleet.engines.base import ContainerEvent, ContainerUse, LogFollowing, LogLine
from fleet.engines.docker.connection import Connection, translated

AT_ONCE = 10  # readings under way at a time, as many as the client keeps connections
LONGEST_READ = 64 * 1024  # bytes of one line that are kept; what follows in the line is dropped
_PODMANS = ("died",)  # how Podman calls it when it is asked; it answers with Docker's word
_EVENTS = {"start": "started", "die": "ended", "oom": "out_of_memory"}
_NEVER = "0001-01-01"  # the engine's time of a reading that it did not take


class Watching(Connection):
    def container_uses(self, names: Iterable[str]) -> dict[str, ContainerUse]:
        """The API has no call for many. An older engine answers at its next tick, up to a second
        later (twice that without one-shot), so that most of a reading is waiting.
        """
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            found = pool.map(self._use, wanted := list(names))
            return {name: use for name, use in zip(wanted, found, strict=True) if use}

    def _use(self, name: str) -> ContainerUse | None:
        with translated(f"What {name} uses could not be read"):
            try:
                return _use_of(self._api.stats(name, stream=False, one_shot=True))
            except NotFound:
                return None
            except requests.JSONDecodeError:
                return None  # Podman answers with nothing about one that does not run

    def container_events(
        self, label: str, since: datetime
    ) -> tuple[list[ContainerEvent], datetime]:
        with translated("The engine's events could not be read"):
            # By the engine's own clock: an end in its future would keep the call waiting for it.
            until = _moment(self._quick_api.info()["SystemTime"])
            filters = {"type": ["container"], "label": [label], "event": [*_EVENTS, *_PODMANS]}
            span = {"since": f"{since.timestamp():.6f}", "filters": json.dumps(filters)}
            # Podman gives up at once where the end is in the past; it can end by itself instead.
            end = {"stream": "false"} if self._is_podman else {"until": f"{until.timestamp():.6f}"}
            api: Any = self._api  # docker-py's own `events` knows neither fractions nor `stream`
            answer = api._get(api._url("/events"), params=span | end, stream=True)
            api._raise_for_status(answer)
            told = list(api._stream_helper(answer, decode=True))
            return [_event_of(event) for event in told], until

    def read_log(self, name: str, *, lines: int) -> list[LogLine]:
        with translated(f"The log of {name} could not be read"):
            frames = self._api.logs(name, timestamps=True, stream=True, follow=False, tail=lines)
            return list(_lines(frames))

    @contextmanager
    def following_log(self, name: str, *, since: datetime) -> Iterator[LogFollowing]:
        with translated(f"The log of {name} could not be followed"):
            frames: Any = self._api.logs(
                name, timestamps=True, stream=True, follow=True, since=max(since.timestamp(), 1.0)
            )
            following = _Following(frames)
            try:
                yield following
            finally:
                following.close()


class _Following(LogFollowing):
    """Lines as they are written; `close`, which any thread may call, ends the waiting for one."""

    def __init__(self, frames: Any) -> None:
        self._frames, self._found = frames, _lines(frames)

    def __next__(self) -> LogLine:
        return next(self._found)

    def close(self) -> None:
        try:
            self._frames.close()
        except (DockerException, OSError, AttributeError):
            return  # it has ended already, or its transport (SSH) cannot be cut short


def _lines(frames: Iterable[bytes]) -> Iterator[LogLine]:
    """Whole lines: the engine cuts long ones into several frames, each with the line's time."""
    at, text = "", b""
    for frame in frames:
        stamp, _, part = frame.partition(b" ")
        at, text = at or stamp.decode(), (text + part)[:LONGEST_READ]
        if frame.endswith(b"\n"):
            yield LogLine(at=at, text=text.decode(errors="replace").rstrip("\r\n"))
            at, text = "", b""
    if text:
        yield LogLine(at=at, text=text.decode(errors="replace"))


def _use_of(stats: dict[str, Any]) -> ContainerUse | None:
    """None for a container that does not run."""
    if stats["read"].startswith(_NEVER) or not stats["memory_stats"].get("usage"):
        return None
    memory, networks = stats["memory_stats"], (stats.get("networks") or {}).values()
    # Pages of files that could be dropped at once are no use of memory: as `docker stats` counts.
    details = memory.get("stats", {})
    droppable = details.get("inactive_file", details.get("total_inactive_file", 0))
    return ContainerUse(
        cpu_ns=int(stats["cpu_stats"]["cpu_usage"]["total_usage"]),
        memory=max(int(memory["usage"]) - int(droppable), 0),
        received=sum(int(network["rx_bytes"]) for network in networks),
        sent=sum(int(network["tx_bytes"]) for network in networks),
    )


def _event_of(event: dict[str, Any]) -> ContainerEvent:
    attributes = event["Actor"]["Attributes"]
    code = attributes.get("exitCode")
    return ContainerEvent(
        what=_EVENTS[event["Action"]],
        labels=attributes,
        at=datetime.fromtimestamp(event["timeNano"] / 1e9, tz=UTC),
        exit_code=int(code) if code is not None else None,
    )


def _moment(text: str) -> datetime:
    """The engine writes nanoseconds, of which Python keeps the first six digits."""
    return datetime.fromisoformat(text)
