"""Images: fetched by their moving tag, run by their digest."""

from collections.abc import Iterator
from typing import Any

from docker.errors import ImageNotFound
from docker.utils import parse_repository_tag

from fleet.engines.docker.connection import Connection, translated
from fleet.engines.docker.registries import insist_on_registry
from wopr.common.errors import ProviderError


class Images(Connection):
    def pull(self, image: str) -> str:
        repository, tag = parse_repository_tag(image)
        self._pull(image, repository, tag or "latest")
        with translated(f"The image {image} could not be looked up"):
            digests = self._api.inspect_image(image)["RepoDigests"]  # type: ignore[no-untyped-call]
        return next(str(d) for d in digests if d.startswith(f"{repository}@"))

    def pull_digest(self, digest: str) -> None:
        repository, _, which = digest.partition("@")
        self._pull(digest, repository, which)

    def _pull(self, image: str, repository: str, which: str) -> None:
        with translated(f"The image {image} could not be pulled"):
            insist_on_registry(image)
            for line in self._api.pull(repository, which, stream=True, decode=True):
                if "error" in line:
                    raise ProviderError(
                        f"The image {image} could not be pulled: {line['error']}",
                        permanent="not found" in line["error"] or "unknown" in line["error"],
                    )

    def registry_digest(self, image: str) -> str:
        if self._is_podman:
            return self.pull(image)  # it has no other question to a registry
        repository, _ = parse_repository_tag(image)
        with translated(f"The registry could not be asked about {image}"):
            found: Any = self._api.inspect_distribution(image)  # type: ignore[no-untyped-call]
        return f"{repository}@{found['Descriptor']['digest']}"

    def has_image(self, digest: str) -> bool:
        with translated(f"The image {digest} could not be looked up"):
            try:
                self._api.inspect_image(digest)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return False
            return True

    def image_digests(self) -> set[str]:
        with translated("The images could not be listed"):
            return {digest for image in self._api.images() for digest in _digests(image)}

    def digests_in_use(self) -> set[str]:
        with translated("The containers' images could not be listed"):
            used = {container["ImageID"] for container in self._api.containers(all=True)}
            images = self._api.images()
        return {digest for image in images if image["Id"] in used for digest in _digests(image)}

    def remove_image(self, digest: str) -> None:
        with translated(f"The image {digest} could not be removed"):
            try:
                self._api.remove_image(digest)
            except ImageNotFound:
                return


def _digests(image: dict[str, Any]) -> Iterator[str]:
    yield from image["RepoDigests"] or []
