"""What Hetzner sells, and where; prices are of the size of the real ones, not the real ones."""

from __future__ import annotations

from typing import Any

from sandbox.machines.conduct import Conduct
from sandbox.types import Json

EU = ("fsn1", "nbg1", "hel1")
US = ("ash", "hil")
_PLACES = {
    "fsn1": (1, "Falkenstein", "DE", "eu-central", 50.47612, 12.370071),
    "nbg1": (2, "Nuremberg", "DE", "eu-central", 49.452102, 11.076665),
    "hel1": (3, "Helsinki", "FI", "eu-central", 60.169855, 24.938379),
    "ash": (4, "Ashburn, VA", "US", "us-east", 39.045821, -77.487073),
    "hil": (5, "Hillsboro, OR", "US", "us-west", 45.54222, -122.951924),
}
# name: (id, cores, memory GB, disk GB, architecture, cpu type, monthly net, locations)
_TYPES: dict[str, tuple[int, int, float, int, str, str, float, tuple[str, ...]]] = {
    "cx22": (104, 2, 4.0, 40, "x86", "shared", 3.79, EU),
    "cx32": (105, 4, 8.0, 80, "x86", "shared", 6.80, EU),
    "cx42": (106, 8, 16.0, 160, "x86", "shared", 16.40, EU),
    "cax11": (45, 2, 4.0, 40, "arm", "shared", 3.79, EU),
    "cpx11": (22, 2, 2.0, 40, "x86", "shared", 4.35, (*EU, *US)),
    "cpx21": (23, 3, 4.0, 80, "x86", "shared", 7.55, (*EU, *US)),
    "cpx31": (24, 4, 8.0, 160, "x86", "shared", 13.60, (*EU, *US)),
    "ccx13": (96, 2, 8.0, 80, "x86", "dedicated", 12.49, (*EU, *US)),
    "cx11": (1, 1, 2.0, 20, "x86", "shared", 3.29, EU),
}
_WITHDRAWN = {"announced": "2024-06-06T00:00:00Z", "unavailable_after": "2024-09-06T00:00:00Z"}
_IMAGES = {
    "debian-12": (114690387, "debian", "12", "x86"),
    "debian-13": (310557660, "debian", "13", "x86"),
    "ubuntu-24.04": (161547269, "ubuntu", "24.04", "x86"),
}
# The one network that somebody has made there.
NETWORK, _NETWORK_ID, _RANGE = "platform", 4711, "10.0.0.0/8"
VAT = 1.19
HOURS = 624


def network() -> Json:
    """Return the network."""
    subnet = {"type": "cloud", "ip_range": _RANGE, "network_zone": "eu-central"}
    return {
        "id": _NETWORK_ID,
        "name": NETWORK,
        "ip_range": _RANGE,
        "subnets": [{**subnet, "gateway": "10.0.0.1"}],
        "routes": [],
        "servers": [],
        "load_balancers": [],
        "protection": {"delete": False},
        "labels": {},
        "created": "2026-01-01T00:00:00+00:00",
        "expose_routes_to_vswitch": False,
    }


def locations() -> list[Json]:
    """Return all locations."""
    return [location(name) for name in _PLACES]


def location(name: str) -> Json:
    """Return one location."""
    number, city, country, zone, latitude, longitude = _PLACES[name]
    return {
        "id": number,
        "name": name,
        "description": f"{city} DC Park 1",
        "city": city,
        "country": country,
        "latitude": latitude,
        "longitude": longitude,
        "network_zone": zone,
    }


def has_location(name: str) -> bool:
    """Tell whether there is such a location."""
    return name in _PLACES


def datacenter(name: str) -> Json:
    """Return the only data centre of a location."""
    place = location(name)
    types = [row[0] for row in _TYPES.values() if name in row[7]]
    return {
        "id": place["id"] + 1,
        "name": f"{name}-dc1",
        "description": f"{place['city']} virtual DC 1",
        "location": place,
        "server_types": {
            "available": types,
            "available_for_migration": types,
            "supported": types,
        },
    }


def server_types(conduct: Conduct) -> list[Json]:
    """Return all server types at today's prices."""
    return [server_type(name, conduct) for name in _TYPES]


def server_type(name: str, conduct: Conduct) -> Json:
    """Return one server type."""
    number, cores, memory, disk, architecture, cpu, _, places = _TYPES[name]
    deprecation = _WITHDRAWN if name == "cx11" else None
    return {
        "id": number,
        "name": name,
        "description": name.upper(),
        "category": "cost_optimized",
        "cores": cores,
        "memory": memory,
        "disk": disk,
        "deprecated": deprecation is not None,
        "deprecation": deprecation,
        "prices": _prices(name, conduct),
        "storage_type": "local",
        "cpu_type": cpu,
        "architecture": architecture,
        "locations": [
            {
                "id": _PLACES[place][0],
                "name": place,
                "deprecation": deprecation,
                "available": deprecation is None and not conduct.is_out_of_stock(name, place),
                "recommended": deprecation is None,
            }
            for place in places
        ],
    }


def _prices(name: str, conduct: Conduct) -> list[Json]:
    monthly = conduct.priced(_TYPES[name][6])
    return [
        {
            "location": place,
            "price_hourly": _amount(monthly / HOURS),
            "price_monthly": _amount(monthly),
            "included_traffic": 21990232555520,
            "price_per_tb_traffic": _amount(1.0),
        }
        for place in _TYPES[name][7]
    ]


def _amount(net: float) -> Json:
    return {"net": f"{net:.10f}", "gross": f"{net * VAT:.10f}"}


def pricing(conduct: Conduct) -> Json:
    """Return the price list."""
    types = [
        {"id": row[0], "name": name, "prices": _prices(name, conduct)}
        for name, row in _TYPES.items()
    ]
    return {
        "currency": "EUR",
        "vat_rate": "19.000000",
        "image": {"price_per_gb_month": _amount(0.0119)},
        "floating_ip": {"price_monthly": _amount(3.0)},
        "floating_ips": [],
        "primary_ips": [],
        "server_backup": {"percentage": "20.0000000000"},
        "server_types": types,
        "load_balancer_types": [],
        "volume": {"price_per_gb_month": _amount(0.044)},
    }


def images(conduct: Conduct) -> list[Json]:
    """Return the system images."""
    return [image(name) for name in _IMAGES if name not in conduct.withdrawn]


def image(name: str) -> Json:
    """Return one system image."""
    number, flavor, version, architecture = _IMAGES[name]
    return {
        "id": number,
        "type": "system",
        "status": "available",
        "name": name,
        "description": f"{flavor.title()} {version}",
        "image_size": None,
        "disk_size": 5,
        "created": "2025-01-15T11:34:45+00:00",
        "created_from": None,
        "bound_to": None,
        "os_flavor": flavor,
        "os_version": version,
        "rapid_deploy": True,
        "protection": {"delete": False},
        "deprecated": None,
        "deleted": None,
        "labels": {},
        "architecture": architecture,
    }


def named(value: Any, rows: list[Json]) -> str | None:
    """Return the name of what is meant by a name or an id, where there is such a thing."""
    return next((row["name"] for row in rows if str(value) in (row["name"], str(row["id"]))), None)
