"""Images: fetched by their moving tag, run by their digest."""

from docker.utils import parse_repository_tag

from fleet.engines.docker.connection import Connection, translated
from wopr.common.errors import ProviderError


class Images(Connection):
    def pull(self, image: str) -> str:
        repository, tag = parse_repository_tag(image)
        with translated(f"The image {image} could not be pulled"):
            for line in self._api.pull(repository, tag or "latest", stream=True, decode=True):
                if "error" in line:
                    raise ProviderError(
                        f"The image {image} could not be pulled: {line['error']}",
                        permanent="not found" in line["error"] or "unknown" in line["error"],
                    )
            digests = self._api.inspect_image(image)["RepoDigests"]  # type: ignore[no-untyped-call]
        return next(str(d) for d in digests if d.startswith(f"{repository}@"))
