"""The supervisor starts parts when their predecessors are ready and stops them in reverse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stack.supervisor import Part, StackError, Supervisor


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs")
    yield supervisor
    supervisor.stop()


def part(name: str, journal: Path) -> Part:
    up = journal.with_name(f"{name}.up")
    program = f"trap 'echo {name} >> {journal}; exit 0' TERM; touch {up}; sleep 600 & wait"
    return Part(name=name, command=["bash", "-c", program], ready=up.exists, timeout=10)


def test_parts_stop_in_the_reverse_order_of_their_start(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    for name in ("database", "web", "worker"):
        supervisor.start(part(name, journal))

    supervisor.stop()

    assert journal.read_text().split() == ["worker", "web", "database"]


def test_a_part_that_ends_at_once_is_reported_with_its_last_words(supervisor: Supervisor) -> None:
    broken = Part(
        name="broken",
        command=["bash", "-c", "echo the disk is on fire; exit 7"],
        ready=lambda: False,
    )

    with pytest.raises(StackError, match=r"broken ended at once with code 7:\nthe disk is on fire"):
        supervisor.start(broken)


def test_a_part_that_never_gets_ready_is_given_up_at_its_deadline(supervisor: Supervisor) -> None:
    deaf = Part(name="deaf", command=["sleep", "600"], ready=lambda: False, timeout=0.3)

    with pytest.raises(StackError, match=r"waited 0\.3 s for deaf to be ready in vain"):
        supervisor.start(deaf)


def test_when_one_of_several_parts_fails_the_others_are_not_waited_for(
    supervisor: Supervisor,
) -> None:
    broken = Part(name="broken", command=["false"], ready=lambda: False)
    slow = Part(name="slow", command=["sleep", "600"], ready=lambda: False, timeout=600)

    with pytest.raises(StackError, match="broken ended at once"):
        supervisor.start_together(lambda: supervisor.start(broken), lambda: supervisor.start(slow))


def test_a_part_that_dies_later_ends_the_stack_with_its_name(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(part("web", tmp_path / "journal"))
    supervisor.start(Part(name="worker", command=["bash", "-c", "sleep 0.3; exit 9"]))

    with pytest.raises(StackError, match="worker ended with code 9"):
        supervisor.wait()


def test_a_command_in_the_log_that_fails_shows_the_end_of_its_log(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match="migrate failed with code 1:\nno such table"):
        supervisor.must_run("migrate", ["bash", "-c", "echo no such table; exit 1"], {})
