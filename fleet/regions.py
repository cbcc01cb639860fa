"""Regions that customers choose among, and the providers' regions that each of them stands for."""

from dataclasses import dataclass

from django.conf import settings

from fleet.models import Node, Residence
from tenants.models import Tenant
from wopr.common.errors import Refused


@dataclass(frozen=True)
class Region:
    """A choice of the customer's; `sites` are regions by the names that providers give them."""

    code: str
    sites: frozenset[str]

    @property
    def title(self) -> str:
        return self.code.replace("-", " ").replace("_", " ").title()


def offered() -> list[Region]:
    """What WOPR_REGIONS names, in its order."""
    return [
        Region(code, frozenset(site.strip() for site in sites.split("|")))
        for code, sites in settings.WOPR_REGIONS.items()
    ]


def chosen(tenant: Tenant) -> Region | None:
    """The tenant's choice; None for anywhere.

    A region that is offered no more has no sites: nothing new is placed, rather than elsewhere.
    """
    residence = Residence.objects.filter(tenant=tenant).first()
    if residence is None:
        return None
    known = {region.code: region for region in offered()}
    return known.get(residence.region, Region(residence.region, frozenset()))


def choose(*, tenant: Tenant, code: str) -> None:
    """For bots and machines from now on; empty is anywhere. Raises Refused for an unknown one."""
    if not code:
        Residence.objects.filter(tenant=tenant).delete()
        return
    codes = [region.code for region in offered()]
    if code not in codes:
        known = ", ".join(codes) or "no region is offered here"
        raise Refused("unknown_region", f"There is no region {code}: {known}.", field="region")
    Residence.objects.update_or_create(tenant=tenant, defaults={"region": code})


def allows(region: Region | None, node: Node) -> bool:
    """Whether a tenant of that choice may have a bot on the node."""
    return region is None or node.region in region.sites
