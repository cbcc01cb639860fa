"""Worker room: looks what the registries have behind the moving tags. Nothing is pulled for it."""

import logging

from django.conf import settings

from fleet.engines.registry import engine
from fleet.models import Instance, Node, Release
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


def poll() -> list[Release]:
    """Asks once for each image that bots run; answers with the releases not seen before."""
    found = [_poll(image) for image in sorted(images())]
    return [release for release in found if release is not None]


def images() -> set[str]:
    """The moving tags in use, and the one that new bots get."""
    alive = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    return {settings.WOPR_BOT_IMAGE, *alive.values_list("image", flat=True)}


def _poll(image: str) -> Release | None:
    digest = _behind(image)
    if digest is None:
        return None
    # The time of the row says when the digest was last seen behind the tag.
    release, is_new = Release.objects.update_or_create(image=image, digest=digest)
    if is_new:
        logger.info("a new release of %s: %s", image, digest)
    return release if is_new else None


def _behind(image: str) -> str | None:
    """The digest, by way of the first node whose engine gets an answer."""
    for node in Node.objects.filter(unreachable_since=None).order_by("name"):
        try:
            return engine(node).registry_digest(image)
        except ProviderError as error:
            logger.warning("%s: %s", node, error)
            if error.permanent:
                return None
    return None
