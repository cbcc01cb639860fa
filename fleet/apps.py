from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "fleet"

    def ready(self) -> None:
        from fleet import receivers
        from fleet.operations import (  # noqa: F401  (registers the kinds)
            backing_up,
            expiry,
            lifecycle,
            provision,
            repairing,
            suspension,
            termination,
            updating,
        )

        receivers.connect()
