"""Which models are offered, which service answers for each, and what a use costs."""

from dataclasses import dataclass

from django.conf import settings

from gpu.models import Service

Kind = Service.Kind
# Ports of the services on every node (docs/decisions: GPU nodes).
PORTS = {Kind.LLAMA: 8080, Kind.CHATTERBOX: 8081, Kind.WHISPER: 8082, Kind.QWEN: 8083}


@dataclass(frozen=True)
class Model:
    """A model by the name that callers use; `endpoints` are paths below /v1."""

    name: str
    kind: Service.Kind
    endpoints: tuple[str, ...]


MODELS = (
    Model("wopr-chat", Kind.LLAMA, ("chat/completions", "completions")),
    # llama.cpp answers either completions or embeddings; the second one is for the latter.
    Model("wopr-embed", Kind.QWEN, ("embeddings",)),
    Model("wopr-voice", Kind.CHATTERBOX, ("audio/speech",)),
    Model("wopr-ears", Kind.WHISPER, ("audio/transcriptions",)),
)


def find_model(endpoint: str, name: str | None) -> Model | None:
    """The model of that name if it serves the endpoint; the endpoint's first one without a name."""
    serving = [model for model in MODELS if endpoint in model.endpoints]
    if not name:
        return serving[0] if serving else None
    return next((model for model in serving if model.name == name), None)


def cost(*, tokens: int = 0, seconds: int = 0) -> int:
    """Micros, rounded up: nothing that was used is free."""
    per_thousand: int = settings.WOPR_INFERENCE_TOKEN_PRICE
    per_second: int = settings.WOPR_INFERENCE_AUDIO_PRICE
    return -(-tokens * per_thousand // 1000) + seconds * per_second
