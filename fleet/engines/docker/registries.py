"""Which registries the platform's machines take images from."""

from django.conf import settings
from docker.auth import resolve_repository_name
from docker.utils import parse_repository_tag

from wopr.common.errors import ProviderError


def insist_on_registry(image: str) -> None:
    """Raises ProviderError, for good, for an image of a registry that is not listed."""
    registry = _registry_of(image)
    if registry not in {_registry_of(settings.WOPR_BOT_IMAGE), *settings.WOPR_MORE_REGISTRIES}:
        raise ProviderError(
            f"{image} is not run: {registry} is neither the registry of WOPR_BOT_IMAGE nor one of "
            "WOPR_MORE_REGISTRIES",
            permanent=True,
        )


def _registry_of(image: str) -> str:
    repository, _ = parse_repository_tag(image)
    return str(resolve_repository_name(repository)[0])
