"""WOPR: a control plane that sells and runs hosted AI bots."""

from wopr.celery import app as celery_app

__all__ = ["celery_app"]
