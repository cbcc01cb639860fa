"""DNS records as Cloudflare accepts, refuses and lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.control import SandboxControl

A_RECORD = {"name": "acme", "type": "A", "content": "203.0.113.10", "ttl": 60}


class Dns:
    """The records of the test zone."""

    def __init__(self, base: str, token: str = "cloudflare-sandbox") -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=base, headers=headers, trust_env=False, verify=False)
        zones = self.http.get("/zones", params={"name": "bots.localhost"}).json()["result"]
        self.path = f"/zones/{zones[0]['id']}/dns_records"

    def create(self, **record: Any) -> httpx.Response:
        return self.http.post(self.path, json=record)

    def made(self, **record: Any) -> Any:
        return self.create(**record).raise_for_status().json()["result"]

    def listed(self, **query: Any) -> Any:
        return self.http.get(self.path, params=query).raise_for_status().json()

    def names(self, **query: Any) -> list[str]:
        return [row["name"].split(".")[0] for row in self.listed(**query)["result"]]


@pytest.fixture
def dns(urls: dict[str, str], control: SandboxControl) -> Iterator[Dns]:
    dns = Dns(urls["cloudflare"])
    yield dns
    dns.http.close()


def _error(answer: httpx.Response) -> tuple[int, int]:
    body = answer.json()
    assert body["success"] is False
    assert body["result"] is None
    return answer.status_code, body["errors"][0]["code"]


def test_a_record_is_kept_under_its_full_name_and_not_proxied(dns: Dns) -> None:
    record = dns.made(**A_RECORD, comment="for acme", tags=["wopr:tenant"])
    assert record["name"] == "acme.bots.localhost"
    assert record["proxied"] is False
    assert (record["comment"], record["tags"]) == ("for acme", ["wopr:tenant"])


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (A_RECORD, 81058),
        ({"name": "acme", "type": "CNAME", "content": "edge.example.com"}, 81053),
        ({"name": "alias", "type": "A", "content": "203.0.113.1"}, 81054),
        ({**A_RECORD, "content": "not-an-address"}, 9005),
        ({**A_RECORD, "name": "bad name"}, 9000),
        ({**A_RECORD, "ttl": 5}, 9021),
        ({**A_RECORD, "type": "TXT", "proxied": True}, 9004),
    ],
)
def test_what_cannot_stand_is_refused_with_the_vendors_code(
    dns: Dns, record: dict[str, Any], code: int
) -> None:
    dns.made(**A_RECORD)
    dns.made(name="alias", type="CNAME", content="edge.example.com")
    assert _error(dns.create(**record)) == (400, code)


def test_two_addresses_may_share_a_name(dns: Dns) -> None:
    dns.made(**A_RECORD)
    dns.made(**{**A_RECORD, "content": "203.0.113.11"})
    assert len(dns.listed(name="acme.bots.localhost")["result"]) == 2


def test_an_edit_changes_some_fields_and_an_overwrite_all(dns: Dns) -> None:
    record = dns.made(**A_RECORD, comment="old")
    path = f"{dns.path}/{record['id']}"
    edited = dns.http.patch(path, json={"content": "203.0.113.12"}).json()["result"]
    assert (edited["content"], edited["comment"]) == ("203.0.113.12", "old")
    overwritten = dns.http.put(path, json=A_RECORD).json()["result"]
    assert (overwritten["content"], overwritten["comment"]) == ("203.0.113.10", None)
    assert overwritten["id"] == record["id"]


def test_a_deleted_record_is_gone(dns: Dns) -> None:
    record = dns.made(**A_RECORD)
    path = f"{dns.path}/{record['id']}"
    assert dns.http.delete(path).json()["result"] == {"id": record["id"]}
    assert _error(dns.http.get(path)) == (404, 81044)
    assert _error(dns.http.delete(path)) == (404, 81044)


def test_filters_find_records_by_name_content_comment_and_tag(dns: Dns) -> None:
    dns.made(**A_RECORD, comment="wopr acme", tags=["deployment:one"])
    dns.made(name="beta", type="A", content="203.0.113.20", tags=["deployment:two"])
    assert dns.names(name="acme.bots.localhost") == ["acme"]
    assert dns.names(content="203.0.113.20") == ["beta"]
    assert dns.names(**{"comment.contains": "wopr"}) == ["acme"]
    assert dns.names(**{"comment.absent": ""}) == ["beta"]
    assert dns.names(**{"tag.exact": "deployment:two"}) == ["beta"]
    assert dns.names(tag="deployment:one") == ["acme"]
    assert dns.names(**{"tag.present": "deployment"}) == ["acme", "beta"]
    assert dns.names(type="TXT") == []


def test_pages_tell_how_many_there_are(dns: Dns) -> None:
    for number in range(5):
        dns.made(name=f"bot{number}", type="A", content="203.0.113.10")
    answer = dns.listed(page=2, per_page=2, order="name")
    assert [row["name"].split(".")[0] for row in answer["result"]] == ["bot2", "bot3"]
    assert answer["result_info"] == {
        "page": 2,
        "per_page": 2,
        "count": 2,
        "total_count": 5,
        "total_pages": 3,
    }


def test_a_wrong_token_is_told_so_in_each_places_own_code(urls: dict[str, str], dns: Dns) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert _error(dns.http.get(dns.path, headers=wrong)) == (403, 10000)
    assert _error(dns.http.get("/zones", headers=wrong)) == (403, 9109)
    assert _error(dns.http.get("/user/tokens/verify", headers=wrong)) == (401, 1000)
    without = httpx.get(f"{urls['cloudflare']}/zones", trust_env=False)
    assert _error(without) == (400, 9106)


def test_an_identifier_that_is_none_leads_nowhere(dns: Dns) -> None:
    assert _error(dns.http.get("/zones/nope/dns_records")) == (404, 7003)


def test_a_free_zone_may_have_no_tags(
    urls: dict[str, str], dns: Dns, control: SandboxControl
) -> None:
    settings = urls["cloudflare"].replace("/client/v4", "/_sandbox/settings")
    httpx.post(settings, json={"tags_allowed": 0}, trust_env=False).raise_for_status()
    assert _error(dns.create(**A_RECORD, tags=["a:b"])) == (400, 9300)
    assert dns.create(**A_RECORD, comment="no tag").status_code == 200
