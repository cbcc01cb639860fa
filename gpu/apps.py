from django.apps import AppConfig


class GpuConfig(AppConfig):
    name = "gpu"
    verbose_name = "GPU"

    def ready(self) -> None:
        from gpu.operations import provisioning, restarting  # noqa: F401  (registers the kinds)
