"""What customers and staff do with custom domains. Workers look and act; these only write rows."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from dns.models import CustomDomain
from dns.names import hostname_of
from fleet.models import Instance
from fleet.tasks import domain_attend
from wopr.common.errors import Refused
from wopr.common.queue import wake

# Each costs look-ups and a certificate.
MOST_PER_BOT = 20


def domain_add(*, instance: Instance, hostname: str) -> CustomDomain:
    """Claims a name for a bot; it is served once its records show whose it is."""
    name = hostname_of(hostname)
    if instance.status == Instance.Status.TERMINATED:
        raise Refused("instance_terminated", "This bot has ended.", status=409)
    if CustomDomain.objects.filter(owner=instance.reference).count() >= MOST_PER_BOT:
        raise Refused("too_many_domains", f"A bot has at most {MOST_PER_BOT} domains.", status=409)
    try:
        with transaction.atomic():
            domain = CustomDomain.objects.create(
                tenant=instance.tenant,
                owner=instance.reference,
                hostname=name,
                target=instance.hostname,
            )
            wake(domain_attend, domain.pk)
    except IntegrityError as error:
        raise Refused(
            "domain_known", f"You have added {name} already.", field="hostname", status=409
        ) from error
    return domain


def domain_check(*, domain: CustomDomain) -> CustomDomain:
    """Has a worker look at the domain now; one that was given up begins anew."""
    now = timezone.now()
    rows = CustomDomain.objects.filter(pk=domain.pk)
    expired = CustomDomain.State.EXPIRED
    rows.filter(state=expired).update(state=CustomDomain.State.PENDING, since=now)
    rows.update(next_check_at=now)
    wake(domain_attend, domain.pk)
    return rows.get()


def domain_remove(*, domain: CustomDomain) -> CustomDomain:
    """Has a worker take the name from the edge, and then the row. Asking again does no harm."""
    removing, now = CustomDomain.State.REMOVING, timezone.now()
    rows = CustomDomain.objects.filter(pk=domain.pk)
    rows.exclude(state=removing).update(state=removing, since=now, findings=[])
    rows.update(next_check_at=now)
    wake(domain_attend, domain.pk)
    return rows.get()
