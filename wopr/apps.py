"""The project itself as an app: what concerns all of them, such as the operator's commands."""

from django.apps import AppConfig
from django.conf import settings


class WoprConfig(AppConfig):
    name = "wopr"
    verbose_name = "WOPR"

    def ready(self) -> None:
        if settings.WOPR_TRACES_URL or settings.SENTRY_DSN:
            # Half a second of imports that a process without them need not pay for.
            from wopr import telemetry

            telemetry.start()
