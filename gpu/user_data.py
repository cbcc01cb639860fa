"""The first words to a new GPU node: templates/cloud-init/gpu.yaml, filled in."""

import base64
from shlex import quote

from django.conf import settings
from django.template.loader import get_template, render_to_string

from gpu.boot_tokens import issue
from gpu.models import GpuNode

FOLDER = settings.BASE_DIR / "containers" / "gpu"
COMPOSE = FOLDER / "compose.yaml"


def user_data(node: GpuNode) -> str:
    """What cloud-init does at the first boot. Holds the boot token, so it is never kept."""
    return render_to_string(
        "cloud-init/gpu.yaml",
        {
            "node": node,
            "ssh_keys": [settings.WOPR_NODE_SSH_KEY] if settings.WOPR_NODE_SSH_KEY else [],
            "environment": _packed(environment(node)),
            "services": _packed(services_environment()),
            "script": _packed(boot_script()),
            "compose": _packed(COMPOSE.read_text()),
            "agent": _packed((FOLDER / "agent.py").read_text()),
            "caddyfile": _packed((FOLDER / "Caddyfile").read_text()),
        },
    )


def environment(node: GpuNode) -> str:
    """The boot script's settings, as a file that a shell reads."""
    values = {
        "WOPR_REGISTER_URL": f"{settings.WOPR_ENROLMENT_URL}/internal/gpu/register",
        "WOPR_NODE": node.name,
        "WOPR_BOOT_TOKEN": issue(node.pk),
        "WOPR_MODELS": "\n".join(settings.WOPR_GPU_MODELS),
        "WOPR_NVIDIA_DRIVERS": settings.WOPR_NVIDIA_DRIVERS,
        "WOPR_NVIDIA_TOOLKIT": settings.WOPR_NVIDIA_TOOLKIT,
    }
    return "".join(f"{name}={quote(value)}\n" for name, value in values.items())


def services_environment() -> str:
    """What Compose reads beside its file: images and models other than the file's own."""
    return "".join(f"{n}={quote(value)}\n" for n, value in settings.WOPR_GPU_SERVICES.items())


def boot_script() -> str:
    """Not a template: what a shell runs is what the file says."""
    template = get_template("cloud-init/gpu-boot.sh")
    source: str = template.template.source  # type: ignore[attr-defined]
    return source


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
