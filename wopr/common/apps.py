from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "wopr.common"
    label = "common"
    verbose_name = "Platform"

    def ready(self) -> None:
        from wopr import checks  # noqa: F401  (registers the system checks)
        from wopr.common import correlation

        correlation.connect_celery()
