"""What every account at a provider should have: our SSH key, and a firewall around our machines."""

from django.conf import settings

from fleet.providers.base import Rule, ServerProvider, Wall

KEY_NAME = "wopr"
ENGINE_PORT = 2376
GPU_PORTS = "8080-8083"  # of the services on a GPU node
# What libcloud has in common knows no firewalls; those nodes have the one of cloud-init alone.
WITH_WALLS = ("hetzner", "digitalocean")


def wall() -> Wall:
    """Admits the platform to engine, bots and inference, the operators to SSH, and nobody else."""
    platform = tuple(settings.WOPR_NODE_SOURCES)
    ports = (str(ENGINE_PORT), settings.WOPR_PORT_RANGE, GPU_PORTS)
    rules = [Rule("tcp", port, platform) for port in ports]
    if settings.WOPR_NODE_SSH_KEY:
        rules.insert(0, Rule("tcp", "22", tuple(settings.WOPR_OPERATOR_SOURCES)))
    return Wall(settings.WOPR_DEPLOYMENT, settings.WOPR_DEPLOYMENT, tuple(rules))


def key_name() -> str:
    return f"{settings.WOPR_DEPLOYMENT}-{KEY_NAME}"


def key_is_there(provider: ServerProvider) -> bool:
    """Also when somebody has added the same key by another name."""
    return not settings.WOPR_NODE_SSH_KEY or bool(order_keys(provider))


def order_keys(provider: ServerProvider) -> tuple[str, ...]:
    """The names by which an order refers to our key."""
    wanted = settings.WOPR_NODE_SSH_KEY
    known = provider.keys() if wanted else []
    return tuple(key.name for key in known if key.is_of(wanted))[:1]


def wall_is_there(provider: ServerProvider) -> bool:
    if provider.name not in WITH_WALLS:
        return True
    wanted = wall()
    return any(
        (found.name, found.deployment, set(found.rules))
        == (wanted.name, wanted.deployment, set(wanted.rules))
        for found in provider.walls()
    )


def put(provider: ServerProvider) -> None:
    """Adds what is missing."""
    if not key_is_there(provider):
        provider.key_add(key_name(), settings.WOPR_NODE_SSH_KEY)
    if not wall_is_there(provider):
        provider.wall_put(wall())
