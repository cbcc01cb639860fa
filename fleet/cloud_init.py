"""The first words to a new machine: templates/cloud-init/node.yaml, filled in."""

import ipaddress

from django.conf import settings
from django.template.loader import render_to_string

from fleet.declared import ENGINE_PORT
from fleet.models import Server


def user_data(server: Server, *, token: str) -> str:
    """What cloud-init does at the first boot. Holds the token, so it is never logged or kept."""
    facts = {
        "name": server.name,
        "url": f"{settings.WOPR_ENROLMENT_URL}/internal/nodes/register",
        "token": token,
        "ssh_key": settings.WOPR_NODE_SSH_KEY,
        "engine_port": ENGINE_PORT,
        "bot_ports": settings.WOPR_PORT_RANGE,
        "sources4": _networks(settings.WOPR_NODE_SOURCES, 4),
        "sources6": _networks(settings.WOPR_NODE_SOURCES, 6),
        "operators4": _networks(settings.WOPR_OPERATOR_SOURCES, 4),
        "operators6": _networks(settings.WOPR_OPERATOR_SOURCES, 6),
        "patience": settings.WOPR_ENROLMENT_MINUTES * 60,
    }
    return render_to_string("cloud-init/node.yaml", facts)


def _networks(texts: list[str], version: int) -> list[str]:
    networks = (ipaddress.ip_network(text) for text in texts)
    return [str(network) for network in networks if network.version == version]
