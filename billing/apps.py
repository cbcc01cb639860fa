from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import checks  # noqa: F401  (registers them)
        from billing.gateways import djstripe_keys

        djstripe_keys.install()
