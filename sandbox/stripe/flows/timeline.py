"""Let time pass: everything whose hour has come happens, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from sandbox.stripe.flows.checkout import session_expire
from sandbox.stripe.flows.invoices import invoice_collect
from sandbox.stripe.flows.items import Change
from sandbox.stripe.flows.previews import change_preview
from sandbox.stripe.flows.subscriptions import (
    INCOMPLETE_SECONDS,
    draft_advance,
    period_end,
    subscription_expire,
    subscription_finish,
    subscription_renew,
)
from sandbox.stripe.world import World
from sandbox.types import Json

Due = tuple[int, Callable[[], object]]

DAY = 86_400
TRIAL_NOTICE_SECONDS = 3 * DAY
RENEWING = ("active", "past_due", "unpaid", "trialing")


def advance(world: World, target: int) -> int:
    """Move the clock to a later moment and do what falls due on the way, one by one."""
    done = 0
    while True:
        due = [entry for entry in _all_due(world) if entry[0] <= target]
        if not due:
            break
        when, act = min(due, key=lambda entry: entry[0])
        world.clock.move_to(when)
        act()
        done += 1
    world.clock.move_to(target)
    if done:
        world.touch()
    return done


def _all_due(world: World) -> Iterator[Due]:
    for session in world.objects.of("checkout.session"):
        if session["status"] == "open":
            yield session["expires_at"], partial(session_expire, world, session)
    for invoice in world.objects.of("invoice"):
        yield from _invoice_due(world, invoice)
    for subscription in world.objects.of("subscription"):
        yield from _subscription_due(world, subscription)


def _invoice_due(world: World, invoice: Json) -> Iterator[Due]:
    finalizes, retries = (
        invoice["automatically_finalizes_at"],
        invoice["next_payment_attempt"],
    )
    if invoice["status"] == "draft" and invoice["auto_advance"] and finalizes is not None:
        yield finalizes, partial(draft_advance, world, invoice)
    elif invoice["status"] == "open" and retries is not None:
        yield retries, partial(invoice_collect, world, invoice)


def _subscription_due(world: World, subscription: Json) -> Iterator[Due]:
    if subscription["status"] == "incomplete":
        expires = subscription["created"] + INCOMPLETE_SECONDS
        yield expires, partial(subscription_expire, world, subscription)
    if subscription["status"] not in RENEWING:
        return
    ends = subscription["cancel_at"]
    renews = period_end(subscription)
    if ends is not None and ends <= renews:
        yield ends, partial(subscription_finish, world, subscription)
        return
    if subscription["status"] == "trialing" and not world.hidden(subscription["id"]).get("noticed"):
        yield renews - TRIAL_NOTICE_SECONDS, partial(_trial_notice, world, subscription)
    if world.hidden(subscription["id"]).get("announced") != renews:
        yield from _announcement_due(world, subscription, renews)
    yield renews, partial(subscription_renew, world, subscription)


def _announcement_due(world: World, subscription: Json, renews: int) -> Iterator[Due]:
    """A renewal is announced some days before, unless the whole period is shorter than that."""
    when = renews - world.settings.upcoming_days * DAY
    begun = subscription["items"]["data"][0]["current_period_start"]
    if world.settings.upcoming_days and when > begun:
        yield when, partial(_renewal_notice, world, subscription, renews)


def _renewal_notice(world: World, subscription: Json, renews: int) -> None:
    world.hidden(subscription["id"])["announced"] = renews
    preview = change_preview(world, subscription, Change(world.now(), []))
    # Unlike the answer to a call, the event is about an invoice without an id.
    world.emit("invoice.upcoming", {key: preview[key] for key in preview if key != "id"})


def _trial_notice(world: World, subscription: Json) -> None:
    world.hidden(subscription["id"])["noticed"] = True
    world.emit("customer.subscription.trial_will_end", subscription)
