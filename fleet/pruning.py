"""Worker room: lets go of old images on the nodes, never of one that something still needs.

Only digests that are releases of ours are looked at: what else is on a machine is not ours.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from fleet import updates
from fleet.engines.registry import engine
from fleet.models import Instance, Node, Operation, Release, Rollout
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
# What was behind the moving tag a moment ago may be about to be run.
FRESH = timedelta(hours=1)


def prune() -> None:
    """Prunes every node; one whose engine is away is left for the next time."""
    for node in Node.objects.filter(unreachable_since=None):
        try:
            _prune(node)
        except ProviderError as error:
            logger.warning("%s keeps its old images for now: %s", node, error)


def _prune(node: Node) -> None:
    here = engine(node)
    old = Release.objects.filter(digest__in=here.image_digests()).exclude(
        digest__in=here.digests_in_use()
    )
    for digest in sorted(set(old.values_list("digest", flat=True)) - needed(node)):
        here.remove_image(digest)
        logger.info("%s let go of %s", node, digest)


def needed(node: Node) -> set[str]:
    """What bots of the node run or go back to, what is on its way, and what is newest."""
    alive = Instance.objects.filter(Q(node=node) | Q(moving_to=node)).exclude(
        status=Instance.Status.TERMINATED
    )
    rolled_out = Rollout.objects.filter(state__in=Rollout.OPEN)
    kept = Release.objects.filter(
        Q(pk__in=alive.values("release"))
        | Q(pk__in=alive.values("previous_release"))
        | Q(pk__in=rolled_out.values("release"))
        | Q(pk__in=_asked_for(Operation.objects.live()))
        | Q(seen_at__gt=timezone.now() - FRESH)
    )
    newest = {updates.offered(image) for image in _images()}
    return {*kept.values_list("digest", flat=True), *(r.digest for r in newest if r)}


def _asked_for(operations: Iterable[Operation]) -> list[str]:
    found = (operation.parameters.get("release") for operation in operations)
    return [release for release in found if release]


def _images() -> list[str]:
    return list(Release.objects.order_by().values_list("image", flat=True).distinct())
