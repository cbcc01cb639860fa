"""Worker room: customers' own domains, from the first claim to the last trace.

Level-triggered: each look compares what public resolvers, the edge and the bot's row say with the
domain's state, and moves it by one guarded update. A name is served only while its state is one of
CustomDomain.SERVED, of which the database allows one a name.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from dns import verification
from dns.gateways.resolver import BrokenZone
from dns.models import CustomDomain
from fleet import domain_letters, edge
from fleet.gateways import bot, certificates
from fleet.models import Instance, Route
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
State = CustomDomain.State
# A worker that died while it looked is taken to be dead after this.
LEASE = timedelta(minutes=2)
AFTER_TROUBLE = timedelta(minutes=1)
# An authority answers within seconds; what takes longer than this has a cause.
CERTIFICATE_WITHIN = timedelta(minutes=5)
# A resolver may err; a domain fails when it was seen astray this often in a row.
MISSES = 3


def due_ids() -> list[UUID]:
    """Domains that should be looked at now, the longest waiting first."""
    due = CustomDomain.objects.exclude(state=State.EXPIRED)
    due = due.filter(next_check_at__lte=timezone.now()).order_by("next_check_at")
    return list(due.values_list("pk", flat=True)[:200])


def attend(domain_id: UUID) -> None:
    """Looks at a domain that is due and that nobody else looks at, and acts on what it sees."""
    domain = _claim(domain_id)
    if domain is None:
        return
    instance = _instance(domain)
    try:
        if domain.state == State.REMOVING or instance is None:
            remove(domain)
        else:
            _follow_bot(domain, instance)
            _LOOKS[State(domain.state)](domain, instance, _seen(domain))
            domain_letters.guide(domain)
    except ProviderError as error:
        logger.warning("domain %s: %s", domain, error)
        _keep(domain, after=AFTER_TROUBLE)


def remove(domain: CustomDomain) -> None:
    """Takes the name from the edge, its certificate from storage, and then the row.

    Raises ProviderError while the edge still has the name.
    """
    _withdraw(domain)
    certificates_forget(domain)
    domain.delete()


def remove_all(instance: Instance) -> None:
    """Takes all of a bot's domains away."""
    for domain in of_instance(instance):
        remove(domain)


def of_instance(instance: Instance) -> list[CustomDomain]:
    return list(CustomDomain.objects.filter(owner=instance.reference))


def certificates_forget(domain: CustomDomain) -> None:
    """Deletes the certificate unless the name is served for somebody."""
    served = CustomDomain.objects.filter(hostname=domain.hostname, state__in=CustomDomain.SERVED)
    if not served.exclude(pk=domain.pk).exists():
        certificates.forget(domain.hostname)


def _claim(domain_id: UUID) -> CustomDomain | None:
    """One winner: whoever moves the next look to the end of its lease."""
    now = timezone.now()
    due = CustomDomain.objects.filter(pk=domain_id, next_check_at__lte=now)
    if not due.update(next_check_at=now + LEASE):
        return None
    return CustomDomain.objects.select_related("tenant").get(pk=domain_id)


def _instance(domain: CustomDomain) -> Instance | None:
    """The living bot that the domain leads to."""
    alive = Instance.objects.exclude(status=Instance.Status.TERMINATED).select_related("tenant")
    return alive.filter(pk=domain.owner.partition(":")[2]).first()


def _seen(domain: CustomDomain) -> "Findings":
    """What is missing. A zone that cannot be read is told, but takes no served name down."""
    try:
        return verification.look(domain)
    except BrokenZone:
        if domain.state in CustomDomain.SERVED:
            raise
        return [verification.broken(domain)]


def _follow_bot(domain: CustomDomain, instance: Instance) -> None:
    """A bot may get another name, and with it the domain another target."""
    if domain.target != instance.hostname:
        domain.target = instance.hostname
        CustomDomain.objects.filter(pk=domain.pk).update(target=domain.target)


Findings = list[dict[str, object]]


def _look_unserved(domain: CustomDomain, instance: Instance, findings: Findings) -> None:
    """Pending or paused: admits a domain whose records are all there, gives up on one in time."""
    days = {
        State.PENDING: settings.WOPR_DOMAIN_DAYS_TO_VERIFY,
        State.PAUSED: settings.WOPR_DOMAIN_DAYS_TO_EXPIRE,
    }[State(domain.state)]
    if not findings:
        _admit(domain, instance)
    elif _age(domain) > timedelta(days=days):
        certificates_forget(domain)
        _move(domain, State.EXPIRED, findings=findings)
    else:
        _keep(domain, after=_pace(domain), findings=findings)


def _admit(domain: CustomDomain, instance: Instance) -> None:
    """Gives the name its route. Whoever fails to show that it is theirs makes room for it."""
    try:
        with transaction.atomic():
            _make_room(domain)
            if not _move(domain, State.VERIFYING, after=timedelta()):
                return
            Route.objects.create(hostname=domain.hostname, instance=instance, upstream="")
    except IntegrityError:
        _keep(domain, after=_pace(domain), findings=[verification.taken(domain)])
        return
    edge.publish()


def _make_room(domain: CustomDomain) -> None:
    rivals = CustomDomain.objects.filter(hostname=domain.hostname, state=State.FAILING)
    for rival in rivals.exclude(pk=domain.pk).select_for_update():
        Route.objects.filter(**_own_route(rival)).delete()
        _move(rival, State.PAUSED)
        domain_letters.tell(rival, domain_letters.PAUSED)


def _look_verifying(domain: CustomDomain, instance: Instance, findings: Findings) -> None:
    """The records are there; the certificate comes with the first request, which is ours."""
    if findings:
        _withdraw(domain)
        _move(domain, State.PENDING, findings=findings)
    elif bot.is_answered_for(domain.hostname):
        _move(domain, State.ACTIVE, after=_pace_of(State.ACTIVE))
    elif _age(domain) > timedelta(days=settings.WOPR_DOMAIN_DAYS_TO_VERIFY):
        _withdraw(domain)
        certificates_forget(domain)
        _move(domain, State.EXPIRED, findings=[verification.unsecured(domain)])
    else:
        edge.publish()
        waits_long = _age(domain) > CERTIFICATE_WITHIN
        missing = [verification.unsecured(domain)] if waits_long else []
        _keep(domain, after=_pace(domain), findings=missing)


def _look_active(domain: CustomDomain, instance: Instance, findings: Findings) -> None:
    misses = domain.misses + 1 if findings else 0
    if misses < MISSES:
        after = AFTER_TROUBLE if misses else _pace_of(State.ACTIVE)
        _keep(domain, after=after, findings=findings, misses=misses)
        _restore_route(domain, instance)
    elif _move(domain, State.FAILING, findings=findings):
        domain_letters.tell(domain, domain_letters.FAILING)


def _look_failing(domain: CustomDomain, instance: Instance, findings: Findings) -> None:
    if not findings:
        _move(domain, State.ACTIVE, after=_pace_of(State.ACTIVE))
    elif _age(domain) > timedelta(days=settings.WOPR_DOMAIN_DAYS_TO_PAUSE):
        _withdraw(domain)
        if _move(domain, State.PAUSED, findings=findings):
            domain_letters.tell(domain, domain_letters.PAUSED)
    else:
        _keep(domain, after=_pace(domain), findings=findings)


Look = Callable[[CustomDomain, Instance, Findings], None]
_LOOKS: dict[State, Look] = {
    State.PENDING: _look_unserved,
    State.PAUSED: _look_unserved,
    State.VERIFYING: _look_verifying,
    State.ACTIVE: _look_active,
    State.FAILING: _look_failing,
}


def _restore_route(domain: CustomDomain, instance: Instance) -> None:
    """A bot that was set up anew lost its routes; the names that it had before come back."""
    if Route.objects.filter(hostname=domain.hostname).exists():
        return
    try:
        with transaction.atomic():
            # Somebody may have removed the domain since this look began.
            served = CustomDomain.objects.filter(pk=domain.pk, state__in=CustomDomain.SERVED)
            if not served.select_for_update().exists():
                return
            Route.objects.create(hostname=domain.hostname, instance=instance, upstream="")
    except IntegrityError:
        return
    edge.publish()


def _withdraw(domain: CustomDomain) -> None:
    """Takes the domain's route away, and sees that the edge has it no more."""
    Route.objects.filter(**_own_route(domain)).delete()
    edge.publish()
    is_anothers = Route.objects.filter(hostname=domain.hostname).exists()
    if not is_anothers and edge.mentions(domain.hostname):
        raise ProviderError(f"the edge still serves {domain}")


def _own_route(domain: CustomDomain) -> dict[str, Any]:
    """Only the row that stands for this domain: never a bot's own name, never a rival's."""
    return {
        "hostname": domain.hostname,
        "instance_id": domain.owner.partition(":")[2],
        "upstream": "",
    }


def _move(
    domain: CustomDomain,
    to: State,
    *,
    after: timedelta | None = None,
    findings: Findings | None = None,
) -> bool:
    """Changes the state, unless somebody else changed it meanwhile; that look is then void."""
    now = timezone.now()
    moved = CustomDomain.objects.filter(pk=domain.pk, state=domain.state).update(
        state=to,
        since=now,
        misses=0,
        findings=findings or [],
        checked_at=now,
        next_check_at=now + (_pace_of(to) if after is None else after),
    )
    if moved:
        logger.info("domain %s: %s, was %s", domain, to, domain.state)
        domain.state, domain.since, domain.findings = to, now, findings or []
    return bool(moved)


def _keep(domain: CustomDomain, *, after: timedelta, **seen: Any) -> None:
    """Notes what was seen; the state stays."""
    now = timezone.now()
    checked = {"checked_at": now} if seen else {}
    CustomDomain.objects.filter(pk=domain.pk, state=domain.state).update(
        next_check_at=now + after, **checked, **seen
    )


def _age(domain: CustomDomain) -> timedelta:
    return timezone.now() - domain.since


def _pace(domain: CustomDomain) -> timedelta:
    """People wait for the first look; who has been waiting for days can wait for minutes."""
    return min(max(_age(domain) / 20, _pace_of(State(domain.state))), timedelta(minutes=30))


def _pace_of(state: State) -> timedelta:
    seconds = {State.PENDING: 15, State.VERIFYING: 3, State.ACTIVE: 600, State.FAILING: 120}
    return timedelta(seconds=seconds.get(state, 1800))
