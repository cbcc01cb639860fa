"""ASGI entry point of the inference gateway: `uvicorn gpu.inference.asgi:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wopr.settings")
django.setup()

from gpu.inference.app import application as make_application  # noqa: E402  (after the set-up)

application = make_application()
