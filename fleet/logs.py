"""Worker room: follows the logs that somebody watches, and lays them where the watchers read.

Runs as a process of its own (`manage.py logs_follow`): following waits, and would take workers away
from operations. It holds no state: one that is killed or started twice loses and doubles nothing.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from fleet.engines.base import LogFollowing, LogLine
from fleet.engines.registry import engine
from fleet.gateways import lines as board
from fleet.gateways.lines import Line
from fleet.models import Instance
from wopr.common.errors import ProviderError
from wopr.common.logs import redact
from wopr.common.models import Heartbeat

logger = logging.getLogger(__name__)
LOOK_EVERY = 0.3  # seconds between two looks at who watches
BEAT_EVERY = 15.0  # seconds between two signs of life
SAY_EVERY = 4.0  # seconds between two words on a log's state
TRY_AGAIN = 1.0  # seconds until a log that ended, or cannot be read, is tried again
MOST = 200  # logs that one follower follows at a time
MOST_A_SECOND = 500  # lines of one bot; what is beyond in the same second is left out
LONGEST_LINE = 4000  # characters that are shown of one line
SHORTEST_SECRET = 5  # characters; to mask shorter values would make a log unreadable
MASK = "[redacted]"
FOLLOWING, STOPPED, ABSENT, AWAY = "following", "stopped", "absent", "away"

# Escape sequences of terminals: those with parameters, those with a text, all others.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]P^_X].*?(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]"
)
# What a page or a terminal would act on: control characters but the tab, and changes of direction.
_UNSEEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def follow(stop: threading.Event) -> None:
    """Keeps one thread for each log that is watched, until told to stop."""
    threads: dict[UUID, Following] = {}
    beaten = 0.0
    while not stop.wait(LOOK_EVERY):
        try:
            _adjust(threads, board.wanted())
            if time.monotonic() - beaten > BEAT_EVERY:
                beaten = time.monotonic()
                _beat()
        except (ProviderError, DatabaseError) as error:
            logger.warning("logs are followed later: %s", error)
            stop.wait(TRY_AGAIN)
    _adjust(threads, set())


def _beat() -> None:
    """Health tells from this whether any follower is there."""
    try:
        Heartbeat.objects.update_or_create(
            name="log follower", defaults={"seen_at": timezone.now()}
        )
    finally:
        connection.close()


def _adjust(threads: "dict[UUID, Following]", wanted: set[UUID]) -> None:
    for gone in threads.keys() - wanted:
        threads.pop(gone).end()
    for new in list(wanted - threads.keys())[: MOST - len(threads)]:
        threads[new] = Following(new)
        threads[new].start()
    for thread in threads.values():
        thread.repeat_state()


class Following(threading.Thread):
    """Follows one bot's log, through restarts and updates of the bot, until ended."""

    def __init__(self, instance_id: UUID) -> None:
        super().__init__(name=f"log of {instance_id}", daemon=True)
        self._instance_id = instance_id
        self._over = threading.Event()
        self._current: LogFollowing | None = None
        self._filled_from = ""
        self._pace = Pace()
        self._state, self._said_at = "", 0.0

    def end(self) -> None:
        self._over.set()
        if self._current is not None:
            self._current.close()

    def repeat_state(self) -> None:
        """Says again how it stands, since the word runs out by itself."""
        if self._state and time.monotonic() - self._said_at > SAY_EVERY:
            self._say(self._state)

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow_once()
            except (ProviderError, DatabaseError) as error:
                logger.info("the log of %s is not followed now: %s", self._instance_id, error)
                self._state, self._said_at = AWAY, 0.0  # said by whoever repeats it
            self._over.wait(TRY_AGAIN)

    def _follow_once(self) -> None:
        """From what is written already to the end of the container, or of the watching."""
        instance, mask = _load(self._instance_id)
        node, name = engine(instance.node), instance.container_name
        container = node.find_container(name)
        if container is None:
            return self._say(ABSENT)
        if container.id != self._filled_from:
            self._write(node.read_log(name, lines=settings.WOPR_LOG_LINES), mask)
            self._filled_from = container.id
        if not container.running:
            return self._say(STOPPED)
        self._say(FOLLOWING)
        since = board.moment_of(board.last_id(self._instance_id))
        with node.following_log(name, since=since) as self._current:
            if not self._over.is_set():
                self._write_each(self._current, mask)
        return None

    def _write_each(self, written: Iterable[LogLine], mask: "Mask") -> None:
        newest = board.BEGINNING
        for line in written:
            kept = self._pace.kept(line)
            if kept is not None:
                newest = self._write([kept], mask, after=newest)

    def _write(self, written: Iterable[LogLine], mask: "Mask", after: str = board.BEGINNING) -> str:
        """Each id follows from the lines before it alone: a line read again has the same."""
        lines = []
        for line in written:
            after = board.line_id(line.at, after)
            lines.append(Line(id=after, at=line.at, text=shown(line.text, mask)))
        board.write(self._instance_id, lines)
        return after

    def _say(self, state: str) -> None:
        self._state, self._said_at = state, time.monotonic()
        board.say(self._instance_id, state)


class Pace:
    """Leaves out what one bot writes beyond so many lines in a second, and says so once."""

    def __init__(self) -> None:
        self._second, self._count = 0, 0

    def kept(self, line: LogLine) -> LogLine | None:
        second = int(time.monotonic())
        self._count = self._count + 1 if second == self._second else 1
        self._second = second
        if self._count == MOST_A_SECOND:
            return LogLine(at=line.at, text="… more lines than are shown in a second …")
        return line if self._count < MOST_A_SECOND else None


class Mask:
    """Replaces a bot's own secrets, in the spellings in which programs write them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = set(chain.from_iterable(_spellings(secret) for secret in secrets))
        words = sorted(spellings, key=len, reverse=True)  # a secret may contain another
        self._words = re.compile("|".join(re.escape(word) for word in words)) if words else None

    def over(self, text: str) -> str:
        text = self._words.sub(MASK, text) if self._words else text
        return redact(text)


def _spellings(secret: str) -> Iterator[str]:
    """As it is, line by line, as JSON and as part of an address."""
    for part in (secret, *secret.splitlines()):
        for spelling in (part.strip(), json.dumps(part)[1:-1], quote(part, safe="")):
            if len(spelling) >= SHORTEST_SECRET:
                yield spelling


def shown(text: str, mask: Mask) -> str:
    """A line as it may be shown: first cleaned, or what is hidden in it could split a secret."""
    plain = _UNSEEN.sub("", _ESCAPES.sub("", text.rstrip("\r").rpartition("\r")[2]))
    masked = mask.over(plain)
    return masked if len(masked) <= LONGEST_LINE else f"{masked[:LONGEST_LINE]}…"


def _load(instance_id: UUID) -> tuple[Instance, Mask]:
    """The row as it is now; no connection is kept for the hours that following may take."""
    try:
        instance = Instance.objects.select_related("node").get(pk=instance_id)
        values = [text for kept in instance.variables.all() for text in (kept.value, kept.proven)]
    finally:
        connection.close()
    own = (instance.daemon_token, instance.platform_token, instance.credential_key)
    return instance, Mask([*own, *values])
