"""A line of a bot's log as it may be shown: cleaned, without secrets, of a bearable length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engines.base import LogLine
from fleet.engines.docker.watching import _lines
from fleet.gateways.lines import line_id, moment_of, valid_id
from fleet.logs import LONGEST_LINE, MOST_A_SECOND, Mask, Pace, shown

SECRET = "correct-horse-battery"
MASK = Mask([SECRET, "yes", "first line\nsecond line"])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\x1b[32m[wopr]\x1b[0m ready", "[wopr] ready"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("a whole line\r", "a whole line"),
        ("bell\x07 and back\x08space", "bell and backspace"),
        ("a\ttab stays", "a\ttab stays"),
        ("from right\u202e to left", "from right to left"),
        ("été ✓ 雪", "été ✓ 雪"),
    ],
)
def test_a_line_is_shown_without_what_only_a_terminal_understands(written: str, read: str) -> None:
    assert shown(written, MASK) == read


@pytest.mark.parametrize(
    "written",
    [
        f"key {SECRET}",
        f"key {SECRET[:7]}\x1b[1m{SECRET[7:]}",
        f"key {SECRET[:7]}\x00\u202e{SECRET[7:]}",
        "key second line",
        "password=hunter2222",
        "postgres://bot:hunter2222@db/x",  # pragma: allowlist secret
        f"x{SECRET}" * 400,
    ],
)
def test_a_secret_is_masked_however_it_is_written(written: str) -> None:
    read = shown(written, MASK)

    assert "[redacted]" in read
    assert not any(word in read for word in ("horse", "second line", "hunter2222"))


def test_a_value_too_short_to_be_a_secret_leaves_the_log_readable() -> None:
    assert shown("yes, it is ready", MASK) == "yes, it is ready"


def test_a_secret_at_the_cut_of_a_long_line_is_masked_before_the_cut() -> None:
    read = shown("x" * (LONGEST_LINE - 5) + SECRET, MASK)

    assert len(read) == LONGEST_LINE + 1
    assert SECRET[:5] not in read


@given(st.text(), st.text())
def test_whatever_stands_around_a_secret_it_is_masked(before: str, after: str) -> None:
    assert SECRET not in shown(before + SECRET + after, MASK)


def test_a_bot_that_writes_without_end_is_cut_short_each_second() -> None:
    pace, line = Pace(), LogLine(at="2026-11-22T00:00:00.1Z", text="again")

    kept = [kept for _ in range(5 * MOST_A_SECOND) if (kept := pace.kept(line))]

    # The second may turn while the lines are counted.
    assert MOST_A_SECOND <= len(kept) <= 2 * MOST_A_SECOND
    assert "more lines than are shown" in kept[MOST_A_SECOND - 1].text


def test_a_line_that_the_engine_cut_is_one_line_again() -> None:
    at = b"2026-11-22T00:00:00.123456789Z "
    frames = [at + b"first half, ", at + b"second half\n", at + b"next\n", at + b"unfinished"]

    assert [line.text for line in _lines(frames)] == [
        "first half, second half",
        "next",
        "unfinished",
    ]


def test_ids_are_made_of_times_and_only_grow() -> None:
    first = line_id("2026-11-22T00:00:00.123456789Z")
    same = line_id("2026-11-22T00:00:00.123456789Z", first)
    earlier = line_id("2026-11-22T00:00:00Z", same)

    assert first == "1795305600123-456789"
    assert (same, earlier) == ("1795305600123-456790", "1795305600123-456791")
    assert moment_of(first).isoformat() == "2026-11-22T00:00:00.123456+00:00"


@pytest.mark.parametrize("given_back", ["", "$", "+", "7", "1-2-3", "9" * 30 + "-1", "a-b"])
def test_an_id_that_is_none_is_the_beginning(given_back: str) -> None:
    assert valid_id(given_back) == "0"
