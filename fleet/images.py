"""What machines are booted with: what providers offer by their last list, and whether it is there.

A name may be one that the provider has withdrawn; an order of it would be refused there, later.
"""

from difflib import get_close_matches

from django.conf import settings

from fleet.models import CatalogueOffer, ProviderHealth
from fleet.providers import registry
from wopr.common.errors import Refused

MOST_NAMED = 5  # of what is offered instead


def offered(provider: str) -> list[str]:
    health = ProviderHealth.objects.filter(name=provider).first()
    return health.images if health else []


def require(provider: str, image: str, *, setting: str) -> None:
    """Raises Refused, naming what is nearest to it, for an image that is not offered."""
    known = offered(provider)
    if not known:
        raise Refused(
            "catalogue_empty",
            f"{provider}'s images were not listed yet: run `manage.py provider_health`.",
            status=409,
        )
    if image not in known:
        near = get_close_matches(image, known, MOST_NAMED, cutoff=0.3) or sorted(known)[:MOST_NAMED]
        raise Refused(
            "unknown_image",
            f"{provider} has no image {image}: choose another one here or by {setting}, of"
            f" {len(known)} for example {', '.join(near)}.",
            field="image",
        )


def missing(provider: str) -> list[str]:
    """What orders would ask for there, and is offered no more."""
    known = offered(provider)
    return [image for image in _booted_with(provider) if image not in known]


def _booted_with(provider: str) -> list[str]:
    """A node's system; that of GPU nodes where they can be had and are set up."""
    images = [registry.provider(provider).image]
    with_gpu = CatalogueOffer.objects.filter(provider=provider).exclude(gpu="")
    if settings.WOPR_GPU_MODELS and with_gpu.exists():
        images.append(settings.WOPR_GPU_IMAGE)
    return images
