"""Run several management commands in one process: `prepare migrate --no-input --then load_plans`.

Each process would pay for loading Django again, which is most of the time of a second start.
"""

import sys
from collections.abc import Iterator

import django
from django.core.management import call_command


def split(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands between the separators."""
    command: list[str] = []
    for word in [*words, "--then"]:
        if word != "--then":
            command.append(word)
        elif command:
            yield command
            command = []


if __name__ == "__main__":
    django.setup()
    for name, *arguments in split(sys.argv[1:]):
        print(f"== {name}", flush=True)
        call_command(name, *arguments)
