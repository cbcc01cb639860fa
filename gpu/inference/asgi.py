"""ASGI entry point of the inference gateway: `uvicorn gpu.inference.asgi:application`."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wopr.settings")
django.setup()

# The event loop waits no longer than this for a thread that does the books.
sys.setswitchinterval(0.0005)

from gpu.inference.app import application as make_application  # noqa: E402  (after the set-up)

application = make_application()
