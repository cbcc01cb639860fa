from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "fleet"

    def ready(self) -> None:
        from fleet import receivers
        from fleet.operations import (  # noqa: F401  (registers the kinds)
            backing_up,
            expiry,
            filling,
            lifecycle,
            moving,
            provision,
            repairing,
            servers,
            suspension,
            termination,
            updating,
        )

        receivers.connect()
