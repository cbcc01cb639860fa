"""Recordings: how long one is, at the most, and how its transcription is asked for and shown.

The service always tells the length (`verbose_json`), so that what is booked is what was heard.
"""

import io
import json
import wave

from gpu.inference.forms import Form, Part, written
from wopr.common.errors import Refused

# Speech that pauses is sent in a few bytes a second; only WAV tells by its size how long it is.
BYTES_PER_SECOND = 50
# Not the model: the service has one, and would fetch any other that it is named.
PASSED_ON = {
    "language", "prompt", "temperature", "hotwords", "vad_filter", "timestamp_granularities[]",
}  # fmt: skip
FORMATS = ("json", "text", "verbose_json")


def seconds_of(recording: bytes) -> int:
    """Its length if it is a WAV; else the longest that so many bytes can be."""
    try:
        with wave.open(io.BytesIO(recording)) as wav:
            rate: int = wav.getframerate()
            told: int = -(-wav.getnframes() // rate)
            # A header may claim less than there is; the bytes cannot.
            there: int = len(recording) // (wav.getnchannels() * wav.getsampwidth() * rate)
            return max(told, there)
    except (wave.Error, EOFError, ZeroDivisionError):
        return -(-len(recording) // BYTES_PER_SECOND)


def format_of(form: Form) -> str:
    """How the caller wants its answer. Raises Refused for what cannot be made of ours."""
    wanted = form.text("response_format") or FORMATS[0]
    if wanted not in FORMATS:
        raise Refused(
            "invalid_request",
            f"response_format must be one of {', '.join(FORMATS)}.",
            field="response_format",
        )
    return wanted


def passed_on(form: Form, recording: bytes) -> tuple[bytes, str]:
    """The form that goes to the service, and its type."""
    fields = [part for part in form.parts if part.name in PASSED_ON]
    length_told = Part("response_format", b"verbose_json")
    return written([*fields, length_told, Part("file", recording, is_file=True)])


def as_wanted(wanted: str, body: bytes, content_type: str) -> tuple[bytes, str]:
    """The service's answer in the caller's format; what is no answer of that kind, as it is."""
    text = _text_of(body)
    if wanted in {"", "verbose_json"} or text is None:
        return body, content_type
    if wanted == "text":
        return f"{text}\n".encode(), "text/plain; charset=utf-8"
    return json.dumps({"text": text}, ensure_ascii=False).encode(), "application/json"


def _text_of(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("text") if isinstance(answer, dict) else None
