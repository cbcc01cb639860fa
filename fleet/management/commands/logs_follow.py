import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from fleet import logs


class Command(BaseCommand):
    help = "Follows the logs of bots that somebody watches; runs until it is told to end."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        logs.follow(stop)
