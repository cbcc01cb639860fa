"""What DigitalOcean sells, and where; prices are of the size of the real ones."""

from __future__ import annotations

from sandbox.machines.conduct import Conduct
from sandbox.types import Json

_REGIONS = {
    "nyc3": "New York 3",
    "ams3": "Amsterdam 3",
    "fra1": "Frankfurt 1",
    "lon1": "London 1",
    "sfo3": "San Francisco 3",
    "sgp1": "Singapore 1",
    "tor1": "Toronto 1",
    "nyc2": "New York 2",
}
_EVERYWHERE = tuple(region for region in _REGIONS if region != "nyc2")
_GPU = ("nyc2", "tor1")
# slug: (memory MB, CPUs, disk GB, transfer TB, monthly, description, regions)
_SIZES: dict[str, tuple[int, int, int, float, float, str, tuple[str, ...]]] = {
    "s-1vcpu-1gb": (1024, 1, 25, 1.0, 6.0, "Basic", _EVERYWHERE),
    "s-1vcpu-2gb": (2048, 1, 50, 2.0, 12.0, "Basic", _EVERYWHERE),
    "s-2vcpu-2gb": (2048, 2, 60, 3.0, 18.0, "Basic", _EVERYWHERE),
    "s-2vcpu-4gb": (4096, 2, 80, 4.0, 24.0, "Basic", _EVERYWHERE),
    "s-4vcpu-8gb": (8192, 4, 160, 5.0, 48.0, "Basic", _EVERYWHERE),
    "c-2": (4096, 2, 25, 4.0, 42.0, "CPU-Optimized", _EVERYWHERE),
    "gpu-4000adax1-20gb": (32768, 8, 500, 10.0, 565.44, "RTX 4000 Ada GPU Droplet", _GPU),
    "gpu-l40sx1-48gb": (65536, 8, 500, 10.0, 1168.08, "L40S GPU Droplet", _GPU),
    "gpu-h100x1-80gb": (245760, 20, 720, 15.0, 2522.16, "H100 GPU Droplet", _GPU),
}
_GPUS = {
    "gpu-4000adax1-20gb": (1, "nvidia_rtx4000_ada", 20),
    "gpu-l40sx1-48gb": (1, "nvidia_l40s", 48),
    "gpu-h100x1-80gb": (1, "nvidia_h100", 80),
}
_IMAGES = {
    "debian-12-x64": (129211873, "12 x64", "Debian"),
    "debian-13-x64": (199211873, "13 x64", "Debian"),
    "ubuntu-24-04-x64": (155133621, "24.04 (LTS) x64", "Ubuntu"),
    "gpu-h100x1-base": (162355533, "NVIDIA AI/ML Ready", "Ubuntu"),
}
HOURS = 672


def regions(conduct: Conduct) -> list[Json]:
    """Return all regions."""
    return [region(slug, conduct) for slug in _REGIONS]


def region(slug: str, conduct: Conduct) -> Json:
    """Return one region with the sizes that can be had there now."""
    return {
        "name": _REGIONS[slug],
        "slug": slug,
        "features": ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"],
        "available": True,
        "sizes": [name for name in _SIZES if slug in _regions_of(name, conduct)],
    }


def has_region(slug: object) -> bool:
    """Tell whether there is such a region."""
    return slug in _REGIONS


def _regions_of(name: str, conduct: Conduct) -> list[str]:
    return [slug for slug in _SIZES[name][6] if not conduct.is_out_of_stock(name, slug)]


def sizes(conduct: Conduct) -> list[Json]:
    """Return all sizes at today's prices."""
    return [size(slug, conduct) for slug in _SIZES]


def has_size(slug: object) -> bool:
    """Tell whether there is such a size."""
    return slug in _SIZES


def size(slug: str, conduct: Conduct) -> Json:
    """Return one size; where it is sold out, that region is not listed."""
    memory, cpus, disk, transfer, monthly, description, _ = _SIZES[slug]
    places = _regions_of(slug, conduct)
    found: Json = {
        "slug": slug,
        "memory": memory,
        "vcpus": cpus,
        "disk": disk,
        "transfer": transfer,
        "price_monthly": round(conduct.priced(monthly), 2),
        "price_hourly": round(conduct.priced(monthly) / HOURS, 5),
        "regions": places,
        "available": bool(places),
        "description": description,
        "disk_info": [{"type": "local", "size": {"amount": disk, "unit": "gib"}}],
    }
    if slug in _GPUS:
        count, model, memory_gb = _GPUS[slug]
        vram = {"amount": memory_gb * count, "unit": "gib"}
        found["gpu_info"] = {"count": count, "model": model, "vram": vram}
    return found


def images(conduct: Conduct) -> list[Json]:
    """Return the distribution images."""
    return [image(slug) for slug in _IMAGES if slug not in conduct.withdrawn]


def find_image(wanted: object, conduct: Conduct) -> Json | None:
    """Return the image that a slug or an id names."""
    found = (row for row in images(conduct) if str(wanted) in (row["slug"], str(row["id"])))
    return next(found, None)


def image(slug: str) -> Json:
    """Return one image."""
    number, name, distribution = _IMAGES[slug]
    return {
        "id": number,
        "name": name,
        "type": "base",
        "distribution": distribution,
        "slug": slug,
        "public": True,
        "regions": list(_REGIONS),
        "created_at": "2025-01-15T11:34:45Z",
        "min_disk_size": 10,
        "size_gigabytes": 0.7,
        "description": f"{distribution} {name}",
        "tags": [],
        "status": "available",
    }
