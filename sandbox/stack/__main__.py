"""The command line of the local stack: `python -m sandbox.stack --help`."""

import argparse
import signal
import sys
from pathlib import Path

from sandbox.stack import packages
from sandbox.stack.bench import bench
from sandbox.stack.compose import compose_test
from sandbox.stack.infrastructure import temporary_infrastructure
from sandbox.stack.journey import journey
from sandbox.stack.lanes import run_tests
from sandbox.stack.places import REPOSITORY
from sandbox.stack.running import clean, run
from sandbox.stack.second_factor import code
from sandbox.stack.supervisor import StackError

DEFAULT_FOLDER = REPOSITORY / ".wopr"


def with_infrastructure(options: argparse.Namespace) -> int:
    """Run a command among the parts, in a temporary folder; return its exit code."""
    with temporary_infrastructure() as parts:
        parts.supervisor.say(f"running {' '.join(options.command)}")
        return parts.supervisor.run(options.command, parts.environment())


def test(options: argparse.Namespace) -> int:
    """Run tests by their paths, the whole suite on all processors; return pytest's exit code."""
    return run_tests(options.paths)


def install_packages(options: argparse.Namespace) -> int:
    """Install the system packages that running or testing needs."""
    wanted = packages.TO_TEST if options.for_tests else packages.TO_RUN
    packages.ensure(wanted, say=print)
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description=__doc__)
    commands = parser.add_subparsers(required=True)

    around = commands.add_parser("with-infrastructure", help=with_infrastructure.__doc__)
    around.add_argument("command", nargs="+")
    around.set_defaults(act=with_infrastructure)

    testing = commands.add_parser("test", help=test.__doc__)
    testing.add_argument("paths", nargs="+")
    testing.set_defaults(act=test)

    everything = commands.add_parser("run", help=run.__doc__)
    everything.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    everything.add_argument("--free-ports", action="store_true", help="not 8443 and its like")
    everything.add_argument("--ready-file", type=Path, help="write all addresses there when ready")
    everything.set_defaults(act=run)

    played = commands.add_parser("journey", help=journey.__doc__)
    played.set_defaults(act=journey)

    composed = commands.add_parser("compose-test", help=compose_test.__doc__)
    composed.set_defaults(act=compose_test)

    measured = commands.add_parser("bench", help=bench.__doc__)
    measured.add_argument("--customers", type=int, default=5)
    measured.set_defaults(act=bench)

    coding = commands.add_parser("code", help=code.__doc__)
    coding.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    coding.set_defaults(act=code)

    cleaning = commands.add_parser("clean", help=clean.__doc__)
    cleaning.add_argument("--folder", type=Path, default=DEFAULT_FOLDER)
    cleaning.set_defaults(act=clean)

    debian = commands.add_parser("packages", help=install_packages.__doc__)
    debian.add_argument("--for-tests", action="store_true")
    debian.set_defaults(act=install_packages)
    return parser.parse_args(arguments)


def interrupt(*_: object) -> None:
    """Treat a polite request to end like Ctrl-C."""
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Run a command; say what went wrong in one place."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return int(options.act(options))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
