"""What differs between libcloud's drivers."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from libcloud.compute.base import NodeImage, NodeSize

from fleet.providers.base import Order


@dataclass(frozen=True)
class Dialect:
    """What differs between libcloud's drivers. `order_as` None: no way to hand over cloud-init."""

    constant: str
    image: str
    image_name: Callable[[NodeImage], str] = lambda image: str(image.name)
    currency: str = "usd"
    regions_of: Callable[[NodeSize], list[str] | None] = lambda _: None
    order_as: Callable[[Order], dict[str, Any]] | None = None
    start: str = "start_node"
    stop: str = "stop_node"
    monthly_price: bool = False
    disk_unit: int = 1  # of a size's disk, of which a gigabyte has so many


def _linode_extra(order: Order) -> dict[str, Any]:
    # The password is never used: cloud-init locks it, and keys are the only way in.
    return {
        "root_pass": secrets.token_urlsafe(32),
        "ex_userdata": order.user_data,
        "ex_tags": [order.deployment],
    }


def _vultr_extra(order: Order) -> dict[str, Any]:
    return {
        "ex_userdata": order.user_data,
        "ex_hostname": order.name,
        "ex_tag": order.deployment,
    }


def _droplet_extra(order: Order) -> dict[str, Any]:
    return {"ex_user_data": order.user_data}


DIALECTS: dict[str, Dialect] = {
    "linode": Dialect(
        "linode",
        "linode/debian13",
        image_name=lambda image: str(image.id),
        order_as=_linode_extra,
        disk_unit=1024,
    ),
    "vultr": Dialect(
        "vultr",
        "Debian 13 x64 (trixie)",
        regions_of=lambda size: size.extra.get("locations"),
        order_as=_vultr_extra,
        monthly_price=True,
    ),
    "upcloud": Dialect("upcloud", "Debian GNU/Linux 13 (Trixie)", currency="eur"),
    "ovh": Dialect("ovh", "Debian 13", currency="eur"),
    # DigitalOcean has an adapter of its own; by this one the tests hold libcloud's way to the same.
    "digitalocean": Dialect(
        "digitalocean",
        "debian-13-x64",
        image_name=lambda image: str(image.extra["slug"] or image.id),
        regions_of=lambda size: size.extra.get("regions"),
        order_as=_droplet_extra,
        start="ex_power_on_node",
        stop="ex_shutdown_node",
    ),
}
