"""What WOPR needs of a DNS provider."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class RemoteRecord:
    """A record as the provider reports it. `ttl` in seconds, `comment` tells whose it is."""

    id: str
    name: str
    type: str
    content: str
    ttl: int
    proxied: bool
    comment: str


@dataclass(frozen=True)
class WantedRecord:
    """A record as it should be. It cannot be proxied: there is no way to say so."""

    name: str
    type: str
    content: str
    ttl: int
    comment: str


class DnsProvider(Protocol):
    """Raises ProviderError; never changes a record that it was not given the id of."""

    def listing(self, zone: str) -> list[RemoteRecord]:
        """All records of the zone, whoever made them, in as few calls as the provider allows."""
        ...

    def find(self, zone: str, *, name: str) -> list[RemoteRecord]:
        """All records of that name, of every type, the pages followed to the end."""
        ...

    def create(self, zone: str, record: WantedRecord) -> RemoteRecord: ...

    def update(self, zone: str, record_id: str, record: WantedRecord) -> RemoteRecord: ...

    def delete(self, zone: str, record_id: str) -> None:
        """A record that is gone already is no error."""
        ...
