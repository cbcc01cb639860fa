from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "wopr.common.audit"
    label = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        from wopr.common.audit import context, triggers

        context.connect_celery()
        # Sent once for each app; the last one of all comes after every table is there.
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="audit_triggers")
