"""What a request really used, as the service itself tells it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any

from gpu.books import Amount
from gpu.inference.asks import Ask
from gpu.inference.recordings import seconds_of
from wopr.common.answers import object_of

_DATA = b"data:"


def used_by(ask: Ask, body: bytes, content_type: str) -> Amount:
    """The use that a whole answer tells; the most it could have used where it tells none."""
    if content_type.startswith("audio/"):
        return Amount(seconds=seconds_of(body))
    answer = _object(body)
    if ask.most.seconds:
        duration = answer.get("duration")
        if isinstance(duration, int | float) and 0 <= duration < inf:
            return Amount(seconds=ceil(duration))
        return ask.most
    total = _total(answer)
    return ask.most if total is None else Amount(tokens=total)


@dataclass
class StreamCount:
    """Reads a stream of server-sent events as it passes; keeps nothing but the current line."""

    ask: Ask
    total: int | None = None
    chunks: int = 0
    _rest: bytes = field(default=b"", repr=False)

    def lines(self, piece: bytes) -> Iterator[bytes]:
        """What of this piece goes on to the caller: all but a usage that it did not ask for."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            if self._counts(line) and not self.ask.wants_usage:
                continue
            yield line + b"\n"

    def end(self) -> bytes:
        """What came after the last line's end."""
        rest, self._rest = self._rest, b""
        return rest

    @property
    def used(self) -> Amount:
        """The total as told; of a stream that broke off, its prompt and what had come of it."""
        if self.total is not None:
            return Amount(tokens=self.total)
        answered = min(self.chunks, self.ask.most.tokens)
        return Amount(tokens=max(self.ask.most.tokens - self.ask.answer_tokens, 0) + answered)

    def _counts(self, line: bytes) -> bool:
        """Whether the line is nothing but the usage."""
        if not line.startswith(_DATA):
            return False
        # Most lines are tokens: they are counted without being parsed.
        if b'"usage"' not in line:
            self.chunks += 1
            return False
        chunk = _object(line[len(_DATA) :])
        total = _total(chunk)
        if total is not None:
            self.total = total
        return not chunk.get("choices") and total is not None


def _total(answer: dict[str, Any]) -> int | None:
    """The tokens that an answer says it used, if what it says can be booked."""
    usage = answer.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and total >= 0 else None


def _object(text: bytes) -> dict[str, Any]:
    try:
        return object_of(text)
    except ValueError:
        return {}
