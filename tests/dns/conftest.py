"""DNS tests look at the sandbox's Cloudflare directly."""

from tests.fleet.world import opened_world, world

__all__ = ["opened_world", "world"]
