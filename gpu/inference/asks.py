"""A request as its endpoint means it: which model, the most it can use, what goes upstream."""

import io
import json
import wave
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError

from gpu.books import Amount
from gpu.catalogue import Model, find_model
from gpu.inference.forms import form_of
from wopr.common.errors import Refused

MOST_TOKENS = 8192  # of one answer
DEFAULT_TOKENS = 2048
MOST_CHOICES = 4
# The chat template adds some tokens around each message.
TOKENS_PER_MESSAGE = 16
# The slowest speech, and the lowest bit rate of a recording that is not told by its header.
SECONDS_PER_CHARACTER = 0.25
BYTES_PER_SECOND = 1000


@dataclass(frozen=True)
class Ask:
    """What is sent upstream, and the most that it can use."""

    model: Model
    content: bytes
    content_type: str
    most: Amount
    answer_tokens: int = 0  # the part of `most` that is for the answer
    streams: bool = False
    wants_usage: bool = False


def read(endpoint: str, body: bytes, content_type: str) -> Ask:
    """Raises Refused, naming the field, for what cannot be passed on."""
    if endpoint == "audio/transcriptions":
        return _transcription(endpoint, body, content_type)
    asked = _json(body)
    model = _model(endpoint, asked.get("model"))
    if endpoint == "audio/speech":
        return _speech(model, asked)
    if endpoint == "embeddings":
        most = Amount(tokens=_length(asked.get("input"), "input"))
        return Ask(model, _bytes(asked), "application/json", most)
    return _completion(endpoint, model, asked)


def _completion(endpoint: str, model: Model, asked: dict[str, Any]) -> Ask:
    prompt = _prompt_tokens(endpoint, asked)
    answer = _number(asked, ("max_completion_tokens", "max_tokens"), DEFAULT_TOKENS, MOST_TOKENS)
    choices = _number(asked, ("n",), 1, MOST_CHOICES)
    streams = asked.get("stream") is True
    wants_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
    asked |= {"max_tokens": answer, "n": choices}
    asked.pop("max_completion_tokens", None)
    if streams:
        asked["stream_options"] = {"include_usage": True}
    most = Amount(tokens=prompt + answer * choices)
    return Ask(
        model, _bytes(asked), "application/json", most, answer * choices, streams, wants_usage
    )


def _prompt_tokens(endpoint: str, asked: dict[str, Any]) -> int:
    """No token is shorter than a byte, so the bytes of a prompt bound its tokens."""
    if endpoint == "completions":
        return _length(asked.get("prompt"), "prompt")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(
            "invalid_request", "messages must be a list with a message.", field="messages"
        )
    extras = len(_bytes(asked["tools"])) if asked.get("tools") else 0
    return len(_bytes(messages)) + extras + TOKENS_PER_MESSAGE * len(messages)


def _speech(model: Model, asked: dict[str, Any]) -> Ask:
    text = asked.get("input")
    if not isinstance(text, str) or not text:
        raise Refused("invalid_request", "input must be the text to speak.", field="input")
    asked["response_format"] = "wav"  # the one form whose length its header tells
    most = Amount(seconds=int(len(text) * SECONDS_PER_CHARACTER) + 2)
    return Ask(model, _bytes(asked), "application/json", most)


def _transcription(endpoint: str, body: bytes, content_type: str) -> Ask:
    try:
        fields, recording = form_of(body, content_type)
    except (FormParserError, ValueError) as error:
        raise Refused("invalid_request", f"The form cannot be read: {error}") from error
    if not recording:
        raise Refused("invalid_request", "file must be the recording.", field="file")
    model = _model(endpoint, fields.get("model"))
    return Ask(model, body, content_type, Amount(seconds=recording_seconds(recording)))


def recording_seconds(recording: bytes) -> int:
    """Its length if the header tells it; else the longest that so many bytes can be."""
    try:
        with wave.open(io.BytesIO(recording)) as wav:
            rate: int = wav.getframerate()
            told: int = -(-wav.getnframes() // rate)
            # A header may claim less than there is; the bytes cannot.
            there: int = len(recording) // (wav.getnchannels() * wav.getsampwidth() * rate)
            return max(told, there)
    except (wave.Error, EOFError, ZeroDivisionError):
        return -(-len(recording) // BYTES_PER_SECOND)


def _model(endpoint: str, name: Any) -> Model:
    if name is not None and not isinstance(name, str):
        raise Refused("invalid_request", "model must be a name.", field="model")
    model = find_model(endpoint, name)
    if model is None:
        raise Refused(
            "model_not_found",
            f"No model “{name}” serves {endpoint}; GET /v1/models lists what there is.",
            field="model",
            status=404,
        )
    return model


def _json(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise Refused("invalid_request", "The body is not JSON.") from error
    if not isinstance(asked, dict):
        raise Refused("invalid_request", "The body must be a JSON object.")
    return asked


def _number(asked: dict[str, Any], names: tuple[str, ...], default: int, most: int) -> int:
    for name in names:
        value: Any = asked.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise Refused("invalid_request", f"{name} must be from 1 to {most}.", field=name)
        return int(value)
    return default


def _length(value: Any, field: str) -> int:
    if not value or not isinstance(value, str | list):
        raise Refused("invalid_request", f"{field} must be text.", field=field)
    return len(_bytes(value))


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
