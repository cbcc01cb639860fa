"""The Celery application: `celery -A wopr worker` and `celery -A wopr beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wopr.settings")

app = Celery("wopr")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["wopr"])
