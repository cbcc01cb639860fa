"""A request as its endpoint means it: which model, the most it can use, what goes upstream."""

import json
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError

from gpu.books import Amount
from gpu.catalogue import Model, find_model
from gpu.inference import recordings
from gpu.inference.forms import form_of
from wopr.common.answers import object_of
from wopr.common.errors import Refused

MOST_TOKENS = 8192  # of one answer
DEFAULT_TOKENS = 2048
# The chat template adds some tokens around each message.
TOKENS_PER_MESSAGE = 16
SECONDS_PER_CHARACTER = 0.25  # of the slowest speech
_SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "typical_p", "frequency_penalty", "presence_penalty",
    "repeat_penalty", "repeat_last_n", "seed", "stop", "logit_bias", "logprobs", "top_logprobs",
    "response_format",
)  # fmt: skip
# What a template may print into the prompt, besides the messages.
_PRINTED = ("tools", "response_format", "chat_template_kwargs")
# What goes upstream. The services know more, and some of it means more work than was held:
# llama.cpp prefers its own `n_predict` to `max_tokens`.
PASSED_ON = {
    "chat/completions": (
        "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "chat_template_kwargs",
        *_SAMPLING,
    ),
    "completions": ("model", "prompt", *_SAMPLING),
    "embeddings": ("model", "input", "encoding_format", "dimensions"),
    "audio/speech": ("model", "input", "voice", "exaggeration", "cfg_weight", "temperature"),
}  # fmt: skip


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
    wanted_format: str = ""  # of a transcription


def read(endpoint: str, body: bytes, content_type: str) -> Ask:
    """Raises Refused, naming the field, for what cannot be passed on."""
    if endpoint == "audio/transcriptions":
        return _transcription(endpoint, body, content_type)
    asked = _json(body)
    model = _model(endpoint, asked.get("model"))
    passed = {name: asked[name] for name in PASSED_ON[endpoint] if name in asked}
    if endpoint == "audio/speech":
        return _speech(model, passed)
    if endpoint == "embeddings":
        most = Amount(tokens=_length(passed.get("input"), "input"))
        return Ask(model, _bytes(passed), "application/json", most)
    return _completion(endpoint, model, asked, passed)


def _completion(endpoint: str, model: Model, asked: dict[str, Any], passed: dict[str, Any]) -> Ask:
    prompt = _prompt_tokens(endpoint, passed)
    answer = _answer_tokens(asked)
    streams, options = asked.get("stream") is True, asked.get("stream_options")
    wants_usage = isinstance(options, dict) and options.get("include_usage") is True
    passed |= {"max_tokens": answer, "stream": streams}
    if streams:
        passed["stream_options"] = {"include_usage": True}
    most = Amount(tokens=prompt + answer)
    return Ask(model, _bytes(passed), "application/json", most, answer, streams, wants_usage)


def _prompt_tokens(endpoint: str, asked: dict[str, Any]) -> int:
    """No token is shorter than a byte, so the bytes of a prompt bound its tokens."""
    if endpoint == "completions":
        return _one_prompt(asked.get("prompt"))
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(
            "invalid_request", "messages must be a list with a message.", field="messages"
        )
    # Templates print these with line breaks and indents.
    printed = sum(2 * len(_bytes(asked[name])) for name in _PRINTED if asked.get(name))
    return len(_bytes(messages)) + printed + TOKENS_PER_MESSAGE * len(messages)


def _one_prompt(prompt: Any) -> int:
    """A text, or its tokens. Of several, llama.cpp would tell only in part what they used."""
    is_list = isinstance(prompt, list) and len(prompt) > 1
    if is_list and not all(isinstance(token, int) for token in prompt):
        raise Refused("invalid_request", "prompt must be one text; ask for each.", field="prompt")
    return _length(prompt, "prompt")


def _speech(model: Model, asked: dict[str, Any]) -> Ask:
    text = asked.get("input")
    if not isinstance(text, str) or not text:
        raise Refused("invalid_request", "input must be the text to speak.", field="input")
    asked["response_format"] = "wav"  # the one form whose length its header tells
    most = Amount(seconds=int(len(text) * SECONDS_PER_CHARACTER) + 2)
    return Ask(model, _bytes(asked), "application/json", most)


def _transcription(endpoint: str, body: bytes, content_type: str) -> Ask:
    try:
        form = form_of(body, content_type)
    except (FormParserError, ValueError) as error:
        raise Refused("invalid_request", f"The form cannot be read: {error}") from error
    files = form.contents("file")
    if len(files) != 1 or not files[0]:
        raise Refused("invalid_request", "file must be the recording.", field="file")
    model = _model(endpoint, form.text("model"))
    content, kind = recordings.passed_on(form, files[0])
    most = Amount(seconds=recordings.seconds_of(files[0]))
    return Ask(model, content, kind, most, wanted_format=recordings.format_of(form))


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
        return object_of(body)
    except ValueError as error:
        raise Refused("invalid_request", f"The body must be a JSON object: {error}") from error


def _answer_tokens(asked: dict[str, Any]) -> int:
    if asked.get("n") is not None and not _is_number(asked["n"], 1):
        raise Refused("invalid_request", "n must be 1; ask again for another answer.", field="n")
    for name in ("max_completion_tokens", "max_tokens"):
        if asked.get(name) is None:
            continue
        if not _is_number(asked[name], MOST_TOKENS):
            raise Refused("invalid_request", f"{name} must be from 1 to {MOST_TOKENS}.", field=name)
        return int(asked[name])
    return DEFAULT_TOKENS


def _is_number(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _length(value: Any, field: str) -> int:
    if not value or not isinstance(value, str | list):
        raise Refused("invalid_request", f"{field} must be text.", field=field)
    return len(_bytes(value))


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
