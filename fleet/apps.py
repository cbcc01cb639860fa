from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "fleet"

    def ready(self) -> None:
        from fleet import receivers
        from fleet.operations import provision  # noqa: F401  (registers the kind)

        receivers.connect()
