"""What the world sees of a name: public resolvers, asked one by one. The only user of pycares."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pycares
from django.conf import settings

from wopr.common.errors import ProviderError

TIMEOUT, TRIES = 2.0, 3
# The longest that one question may take, whatever c-ares does about its time-outs.
PATIENCE = 15.0
_TYPES = {
    "A": pycares.QUERY_TYPE_A,
    "AAAA": pycares.QUERY_TYPE_AAAA,
    "CAA": pycares.QUERY_TYPE_CAA,
    "CNAME": pycares.QUERY_TYPE_CNAME,
    "TXT": pycares.QUERY_TYPE_TXT,
}
# Answers, too: there is no such name, or it has nothing of that type.
_NOTHING = {pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND}


class BrokenZone(ProviderError):
    """The resolver reached the zone's name servers, or should have, and got nothing it may tell."""


class Resolver:
    """One resolver, by the address at which it is asked.

    Each has a channel of its own, which remembers answers: take a new one for each look.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel = _channel(address)

    def close(self) -> None:
        self._channel.close()

    def ask(self, name: str, type: str) -> list[str]:
        """The contents that it sees, aliases followed; empty when there are none.

        Raises ProviderError when it cannot be asked or fails itself, which says nothing about the
        name.
        """
        answered = threading.Event()
        found: list[Any] = []

        def hear(result: Any, error: Any) -> None:
            found.extend((result, error))
            answered.set()

        self._channel.query(name, _TYPES[type], callback=hear)
        if not answered.wait(PATIENCE):
            raise ProviderError(f"The resolver {self.address} did not answer about {name}")
        result, error = found
        if error in _NOTHING:
            return []
        if error == pycares.errno.ARES_ESERVFAIL:
            raise BrokenZone(f"The resolver {self.address} has SERVFAIL for {name}")
        if error is not None:
            reason = _text(pycares.errno.strerror(error))
            raise ProviderError(f"The resolver {self.address} failed about {name}: {reason}")
        return [_content(type, r.data) for r in result.answer if r.type == _TYPES[type]]


def _channel(address: str) -> pycares.Channel:
    # More than one colon is an IPv6 address, which comes without a port.
    host, _, port = (address, "", "") if address.count(":") > 1 else address.partition(":")
    number = int(port or 53)
    return pycares.Channel(
        servers=[host],
        udp_port=number,
        tcp_port=number,
        timeout=TIMEOUT,
        tries=TRIES,
        # Exactly this name, from exactly this server: no search list, no /etc/hosts.
        flags=pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_NO_DFLT_SVR,
        lookups="b",
    )


def _content(type: str, data: Any) -> str:
    if type in {"A", "AAAA"}:
        return str(data.addr)
    if type == "CNAME":
        return str(data.cname).rstrip(".").lower()
    if type == "CAA":
        return f"{_text(data.tag)} {_text(data.value)}"
    return _text(data.data)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@contextmanager
def resolvers() -> Iterator[list[Resolver]]:
    """The public resolvers that are configured, for one look."""
    opened = [Resolver(address) for address in settings.WOPR_RESOLVERS]
    try:
        yield opened
    finally:
        for resolver in opened:
            resolver.close()
