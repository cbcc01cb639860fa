"""How the tests find their way in the admin."""

from typing import Any

from django.contrib.admin import site
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client
from django.urls import reverse


def change_page(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(row.pk)])


def list_page(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def registered() -> list[type[Model]]:
    return sorted(site._registry, key=lambda model: model._meta.label)


def text_of(client: Client, path: str) -> str:
    answer = client.get(path, secure=True)
    assert answer.status_code == 200, f"{path} answered {answer.status_code}"
    return answer.content.decode()


def press(client: Client, row: Model, action: str, **fields: str) -> Any:
    """Fills in the action's dialog and presses its button."""
    meta = row._meta
    path = reverse(f"admin:{meta.app_label}_{meta.model_name}_{action}", args=[quote(row.pk)])
    return client.post(path, {"_form_submitted": "on", **fields}, secure=True, follow=True)
