"""The inference gateway, over HTTP, in front of services that behave like the real ones."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from billing.models import Meter, UsageEvent
from fleet.models import Instance
from gpu.inference import balancer
from gpu.models import Allowance, Hold, Service
from sandbox.inference.services import wav
from tests.gpu.conftest import DEADLINE, Node, wait_until

Ask = Callable[..., httpx.Response]
CHAT = {"messages": [{"role": "user", "content": "Shall we play a game?"}], "max_tokens": 8}


def test_a_bot_gets_a_completion_and_what_it_used_is_booked_once(ask: Ask) -> None:
    answer = ask(max_tokens=8)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"].startswith("the only winning move")
    total = answer.json()["usage"]["total_tokens"]
    wait_until(lambda: not Hold.objects.exists(), "the books")
    month = Allowance.objects.get()
    assert (month.tokens, month.tokens_held, month.held) == (total, 0, 0)
    assert month.spent == -(-total * 600 // 1000)
    event = UsageEvent.objects.get()
    assert (event.meter, event.quantity) == (Meter.INFERENCE_TOKENS, total)


def test_tokens_pass_as_they_come_and_the_usage_is_not_shown_unasked(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    gpu_node(pause=0.15)
    began, first, lines = time.monotonic(), 0.0, []
    body = {**CHAT, "stream": True}
    with httpx.stream("POST", f"{gateway()}/v1/chat/completions", json=body, headers=bot) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            first = first or time.monotonic() - began
            lines.append(line)
        whole = time.monotonic() - began
    assert first < whole / 2
    assert lines[-2] == "data: [DONE]"
    assert not any('"usage"' in line for line in lines)
    wait_until(lambda: Allowance.objects.filter(tokens__gt=8, held=0).exists(), "the books")


def test_the_usage_is_shown_to_who_asks_for_it(ask: Ask) -> None:
    answer = ask(stream=True, max_tokens=4, stream_options={"include_usage": True})
    assert '"usage"' in answer.text


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", "Basic abc"])
def test_who_has_no_token_gets_nothing(ask: Ask, token: str, gateway: Callable[[], str]) -> None:
    answer = httpx.get(f"{gateway()}/v1/models", headers={"Authorization": token})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_a_suspended_bot_gets_nothing(
    gateway: Callable[[], str], instance: Instance, bot: dict[str, str]
) -> None:
    Instance.objects.update(status=Instance.Status.SUSPENDED)
    assert httpx.get(f"{gateway()}/v1/models", headers=bot).status_code == 401


def test_the_models_are_listed(gateway: Callable[[], str], bot: dict[str, str]) -> None:
    listed = httpx.get(f"{gateway()}/v1/models", headers=bot).json()["data"]
    assert {"wopr-chat", "wopr-embed", "wopr-voice", "wopr-ears"} == {m["id"] for m in listed}


def test_a_node_that_is_still_loading_is_stepped_over(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    loading, ready = gpu_node("gpu-1", loading=True), gpu_node("gpu-2")
    url = gateway()
    for _ in range(4):
        assert httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers=bot).status_code == 200
    assert (loading.machine.served, ready.machine.served) == (0, 4)


def test_no_node_that_answers_is_told_and_nothing_stays_held(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    gpu_node(broken=True)
    answer = httpx.post(f"{gateway()}/v1/chat/completions", json=CHAT, headers=bot)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_capacity")
    assert answer.headers["Retry-After"]
    assert not Hold.objects.exists()
    assert Allowance.objects.get().spent == 0


def test_a_stream_that_breaks_off_says_so_and_books_what_had_come(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    gpu_node(breaks_after=3)
    body = {**CHAT, "stream": True}
    answer = httpx.post(f"{gateway()}/v1/chat/completions", json=body, headers=bot)
    assert "broke off" in answer.text
    wait_until(lambda: not Hold.objects.exists(), "the books")
    assert Allowance.objects.get().tokens >= 3


def test_a_caller_that_hangs_up_pays_for_what_it_got(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    node = gpu_node(pause=0.1)
    body = {**CHAT, "stream": True}
    with httpx.stream("POST", f"{gateway()}/v1/chat/completions", json=body, headers=bot) as answer:
        next(answer.iter_lines())
    wait_until(lambda: not Hold.objects.exists(), "the books")
    assert Allowance.objects.get().tokens > 0
    wait_until(lambda: node.machine.busy == 0, "the node to stop working for nobody")


def test_requests_go_to_the_node_with_the_least_to_do(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    nodes = [gpu_node("gpu-1", pause=0.05), gpu_node("gpu-2", pause=0.05)]
    url = gateway()
    with ThreadPoolExecutor(8) as callers:
        list(
            callers.map(
                lambda _: httpx.post(
                    f"{url}/v1/chat/completions", json=CHAT, headers=bot, timeout=DEADLINE
                ),
                range(16),
            )
        )
    assert sorted(node.machine.served for node in nodes) == pytest.approx([8, 8], abs=2)


def test_a_node_whose_work_failed_last_is_asked_when_no_other_is_left(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    failed, ready = gpu_node("gpu-1", state=Service.State.DEGRADED), gpu_node("gpu-2", pause=0.05)
    url = gateway()

    def ask(_: int) -> int:
        return httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers=bot).status_code

    with ThreadPoolExecutor(4) as callers:
        assert set(callers.map(ask, range(8))) == {200}
    assert (failed.machine.asked, ready.machine.asked) == (0, 8)
    ready.machine.broken = True
    assert ask(0) == 200
    assert failed.machine.served == 1


def test_a_node_that_fails_again_and_again_is_left_alone_for_a_while(
    gateway: Callable[[], str],
    gpu_node: Callable[..., Node],
    bot: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(balancer, "OPEN_FOR", 1.0)
    failing, other = gpu_node("gpu-1", broken=True), gpu_node("gpu-2")
    url = gateway()

    def ask() -> int:
        return httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers=bot).status_code

    assert [ask() for _ in range(balancer.OPEN_AFTER + 3)] == [200] * (balancer.OPEN_AFTER + 3)
    assert failing.machine.asked == balancer.OPEN_AFTER
    failing.machine.broken = False
    wait_until(lambda: ask() == 200 and failing.machine.served, "it to be tried again")
    other.machine.broken = True
    assert ask() == 200


def test_speech_and_its_transcription_are_counted_in_seconds(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    gpu_node()
    url = gateway()
    said = httpx.post(f"{url}/v1/audio/speech", json={"input": "Hello. " * 10}, headers=bot)
    assert (said.status_code, said.headers["content-type"]) == (200, "audio/wav")
    wait_until(lambda: Allowance.objects.filter(seconds=4, seconds_held=0).exists(), "the books")
    heard = httpx.post(
        f"{url}/v1/audio/transcriptions",
        files={"file": ("speech.wav", wav(seconds=7), "audio/wav")},
        data={"model": "wopr-ears"},
        headers=bot,
    )
    assert heard.json()["text"] == "shall we play a game"
    wait_until(lambda: Allowance.objects.filter(seconds=11, seconds_held=0).exists(), "the books")


@pytest.mark.parametrize("prompt", ["Shall we play", ["Shall we play"], [1, 2, 3]])
def test_a_prompt_is_a_text_or_its_tokens(ask: Ask, prompt: object) -> None:
    assert ask("completions", prompt=prompt, max_tokens=2, stream_options="x").status_code == 200


def test_a_recording_is_booked_by_its_length_and_not_by_its_bytes(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> None:
    """Speech with pauses takes a hundred bytes a second, music a hundred times as many."""
    node, url = gpu_node(heard=29.2), gateway()

    def heard(size: int, **fields: str) -> httpx.Response:
        files = {"file": ("speech.ogg", b"OggS" + bytes(size), "audio/ogg")}
        return httpx.post(f"{url}/v1/audio/transcriptions", files=files, data=fields, headers=bot)

    answer = heard(3_000, model="wopr-ears", language="en", hallucinate="yes")
    assert answer.json() == {"text": "shall we play a game"}
    assert node.machine.bodies == [{"language": "en", "response_format": "verbose_json"}]
    wait_until(lambda: Allowance.objects.filter(seconds=30, seconds_held=0).exists(), "the books")
    assert heard(300_000, response_format="text").text == "shall we play a game\n"
    wait_until(lambda: Allowance.objects.filter(seconds=60, seconds_held=0).exists(), "the books")
    refused = heard(3_000, response_format="srt")
    assert refused.json()["error"]["param"] == "response_format"
    two = [("file", b"RIFF"), ("file", b"OggS")]
    refused = httpx.post(f"{url}/v1/audio/transcriptions", files=two, headers=bot)
    assert refused.json()["error"]["param"] == "file"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("chat/completions", {"messages": []}, "messages"),
        ("chat/completions", {"messages": "hello"}, "messages"),
        ("chat/completions", {**CHAT, "max_tokens": 0}, "max_tokens"),
        ("chat/completions", {**CHAT, "max_tokens": 10**9}, "max_tokens"),
        ("chat/completions", {**CHAT, "n": True}, "n"),
        ("chat/completions", {**CHAT, "n": 2}, "n"),
        ("chat/completions", {**CHAT, "model": "gpt-9"}, "model"),
        ("completions", {}, "prompt"),
        ("completions", {"prompt": ["one", "two"]}, "prompt"),
        ("completions", {"prompt": [[1, 2], [3]]}, "prompt"),
        ("embeddings", {"input": ""}, "input"),
        ("audio/speech", {"input": 7}, "input"),
    ],
)
def test_a_request_that_cannot_be_passed_on_names_its_field(
    ask: Ask, path: str, body: dict[str, object], field: str
) -> None:
    answer = ask(path, **body)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["param"] == field
    assert not Hold.objects.exists()


def test_a_body_that_is_too_long_is_refused(ask: Ask, settings: object) -> None:
    settings.WOPR_INFERENCE_BODY = 1000  # type: ignore[attr-defined]
    answer = ask(messages=[{"role": "user", "content": "x" * 2000}])
    assert answer.status_code == 413
