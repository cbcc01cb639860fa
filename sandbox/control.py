"""A client for tests and scripts that steer the sandbox: pay, move the clock, break things."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from sandbox.types import Json

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
FAILING_CARD = "4000000000000341"
"""Attaches, for example during a trial; every charge to it fails."""

Vendor = Literal["stripe", "cloudflare", "mailbox", "hetzner", "digitalocean", "authentik"]
Provider = Literal["hetzner", "digitalocean"]
Order = Literal["fifo", "reverse", "shuffle"]


class CheckoutRefused(Exception):
    """The checkout page did not lead to the shop: declined, expired or already paid."""

    def __init__(self, status: int, page: str) -> None:
        super().__init__(f"checkout answered {status}")
        self.status = status
        self.page = page


class SandboxControl:
    """Steers the vendors of one `sandbox.serve` process, given the addresses that it printed."""

    def __init__(
        self,
        stripe_url: str,
        cloudflare_url: str | None = None,
        mailbox_url: str | None = None,
        *,
        hetzner_url: str | None = None,
        digitalocean_url: str | None = None,
        authentik_url: str | None = None,
    ) -> None:
        addresses = {
            "stripe": stripe_url,
            "cloudflare": cloudflare_url,
            "mailbox": mailbox_url,
            "hetzner": hetzner_url,
            "digitalocean": digitalocean_url,
            "authentik": authentik_url,
        }
        self._bases = {
            vendor: _without_path(url) for vendor, url in addresses.items() if url is not None
        }
        # Plain HTTP on loopback: no proxy must see it, and no certificates need loading.
        self._http = httpx.Client(timeout=30, trust_env=False, verify=False)

    @classmethod
    def of(cls, urls: Mapping[str, str]) -> Self:
        """Return a client for the addresses that `sandbox.serve` printed."""
        others = ("cloudflare", "mailbox", "hetzner", "digitalocean", "authentik")
        return cls(urls["stripe"], **{f"{vendor}_url": urls.get(vendor) for vendor in others})

    def __enter__(self) -> Self:
        """Use the client in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Close the client's connections."""
        self.close()

    def close(self) -> None:
        """Close the client's connections."""
        self._http.close()

    def _call(self, vendor: str, method: str, path: str, body: Json | None = None) -> Json:
        answer = self._http.request(method, f"{self._bases[vendor]}{path}", json=body)
        answer.raise_for_status()
        document: Json = answer.json()
        return document

    def _stripe(self, path: str, **body: Any) -> Json:
        return self._call("stripe", "POST", f"/_sandbox{path}", body)

    def pay_checkout(
        self,
        session: str,
        *,
        card: str = GOOD_CARD,
        email: str = "payer@example.com",
        **fields: str,
    ) -> str:
        """Fill in the checkout page, given its address or session id; return where it leads.

        More fields: `promotion_code`, `country`, `business_name`, `tax_id`, `name`.
        """
        url = session if "://" in session else f"{self._bases['stripe']}/c/pay/{session}"
        answer = self._http.post(url, data={"number": card, "email": email, **fields})
        if answer.status_code != 303:
            raise CheckoutRefused(answer.status_code, answer.text)
        return answer.headers["location"]

    def set_card(self, customer: str, card: str) -> str:
        """Let a customer pay with another card from now on; return the payment method."""
        return str(self._stripe(f"/customers/{customer}/card", number=card)["payment_method"])

    def dispute(
        self, *, charge: str | None = None, customer: str | None = None, reason: str = "fraudulent"
    ) -> str:
        """Let a charge, or the customer's newest paid one, be disputed; return the dispute."""
        named = {"charge": charge} if charge else {"customer": customer}
        return str(self._stripe("/disputes", **named, reason=reason)["id"])

    def close_dispute(self, dispute: str, status: Literal["won", "lost"]) -> None:
        """Let the bank decide a dispute; with `won` the money comes back."""
        self._stripe(f"/disputes/{dispute}", status=status)

    def now(self) -> int:
        """Return Stripe's time."""
        return int(self._call("stripe", "GET", "/_sandbox/clock")["now"])

    def advance_clock(self, by: timedelta) -> int:
        """Move Stripe's clock; return how many things fell due on the way."""
        seconds = int(by.total_seconds())
        return int(self._stripe("/clock", advance_seconds=seconds)["happened"])

    def change_settings(self, **settings: Any) -> Json:
        """Change how Stripe collects and delivers; see `sandbox.stripe.world.Settings`."""
        return self._stripe("/settings", **settings)

    def set_webhook(self, url: str, secret: str | None = None) -> None:
        """Send events to this address from now on."""
        self._stripe("/webhook", url=url, **({"secret": secret} if secret else {}))

    def hold_deliveries(self, types: Iterable[str] = ()) -> None:
        """Keep events of these types (globs; all if none) back until they are released."""
        self._stripe("/deliveries/mode", mode="hold", types=list(types))

    def drop_deliveries(self, types: Iterable[str] = ()) -> None:
        """Lose events of these types (globs; all if none)."""
        self._stripe("/deliveries/mode", mode="drop", types=list(types))

    def duplicate_deliveries(self, types: Iterable[str] = ()) -> None:
        """Deliver events of these types (globs; all if none) twice."""
        self._stripe("/deliveries/mode", mode="duplicate", types=list(types))

    def deliver_normally(self) -> None:
        """End holding, dropping or duplicating; what is held stays held."""
        self._stripe("/deliveries/mode", mode="normal")

    def release_deliveries(self, order: Order = "fifo") -> int:
        """Let everything held go, and deliver normally from then on."""
        return int(self._stripe("/deliveries/release", order=order)["released"])

    def resend_event(self, event: str) -> int:
        """Deliver an event once more; return to how many endpoints."""
        return int(self._stripe(f"/events/{event}/resend")["resent"])

    def deliveries(self) -> list[Json]:
        """Return the log of deliveries."""
        return list(self._call("stripe", "GET", "/_sandbox/deliveries")["deliveries"])

    def wait_for_deliveries(self, seconds: float = 10) -> list[Json]:
        """Wait until nothing is on its way any more and return the log."""
        deadline = time.monotonic() + seconds
        while True:
            rows = self.deliveries()
            waiting = [row for row in rows if row["state"] in ("pending", "sending")]
            if not waiting:
                return rows
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} deliveries are still on their way")
            time.sleep(0.02)

    def add_fault(self, vendor: Vendor, kind: str, **fault: Any) -> int:
        """Let something go wrong; the fields are those of `sandbox.faults.Fault`."""
        body = {"kind": kind, **fault}
        return int(self._call(vendor, "POST", "/_sandbox/faults", body)["id"])

    def faults(self, vendor: Vendor) -> list[Json]:
        """Return the faults of a vendor and how often each has struck."""
        return list(self._call(vendor, "GET", "/_sandbox/faults")["faults"])

    def clear(self) -> None:
        """Remove all faults of all vendors and deliver normally."""
        for vendor in self._bases:
            self._call(vendor, "DELETE", "/_sandbox/faults")
        self.deliver_normally()

    def requests(self, vendor: Vendor, path: str = "*", method: str = "*") -> list[Json]:
        """Return the requests that a vendor received, by glob of the path and by method."""
        query = str(httpx.QueryParams({"path": path, "method": method}))
        return list(self._call(vendor, "GET", f"/_sandbox/requests?{query}")["requests"])

    def change_conduct(self, provider: Provider, **settings: Any) -> Json:
        """Change how a provider of machines behaves; see `sandbox.machines.conduct.Conduct`."""
        return self._call(provider, "POST", "/_sandbox/settings", settings)

    def pass_time(self, provider: Provider, by: timedelta) -> None:
        """Move a provider's clock: what is under way there ends."""
        seconds = by.total_seconds()
        self._call(provider, "POST", "/_sandbox/clock", {"advance_seconds": seconds})

    def machines(self, provider: Provider) -> list[Json]:
        """Return the machines that a provider has, whoever made them."""
        return list(self._call(provider, "GET", "/_sandbox/machines")["machines"])

    def messages(self, to: str | None = None, subject: str | None = None) -> list[Json]:
        """Return the mails that arrived."""
        wanted = {"to": to, "subject": subject}
        query = str(httpx.QueryParams({key: value for key, value in wanted.items() if value}))
        return list(self._call("mailbox", "GET", f"/messages?{query}")["messages"])

    def code_for(self, to: str) -> str:
        """Return the code in the newest mail to an address, which stands on a line of its own."""
        text = self.messages(to=to)[-1]["text"]
        found = re.search(r"^[A-Z0-9-]{6,}\s*$", text, re.MULTILINE)
        if found is None:
            raise LookupError(f"the newest mail to {to} has no code: {text}")
        return found[0].strip()

    def attachment(self, url: str) -> bytes:
        """Return the content of an attached file."""
        return self._http.get(url).raise_for_status().content

    def clear_messages(self) -> None:
        """Empty the mailbox."""
        self._call("mailbox", "DELETE", "/messages")

    def reset(self) -> None:
        """Start again with empty vendors; addresses, keys and zones stay."""
        for vendor in self._bases:
            self._call(vendor, "POST", "/_sandbox/reset")


def _without_path(url: str) -> str:
    return str(httpx.URL(url).copy_with(raw_path=b"/")).removesuffix("/")
