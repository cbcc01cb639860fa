"""Staff tell states apart by colour, icon and word."""

from django.apps import apps
from django.db.models import Field

from wopr.audited import OURS
from wopr.common.staff.looks import LOOKS, pill

SHOWN = {"state", "status", "stage"}


def fields_of_state() -> list["Field[str, str]"]:
    """Of all our models those whose value is shown as a pill."""
    models = [model for model in apps.get_models() if model._meta.app_label in OURS]
    return [
        field
        for model in models
        for field in model._meta.get_fields()
        if isinstance(field, Field) and field.name in SHOWN and field.choices
    ]


def test_every_state_of_ours_has_a_look() -> None:
    fields = fields_of_state()
    assert len(fields) > 10
    shown = [(f.model.__name__, value) for f in fields for value, _ in f.choices or ()]
    assert [(model, value) for model, value in shown if value not in LOOKS] == []


def test_what_is_well_and_what_is_not_differ_at_a_glance() -> None:
    assert "wopr-tone-good" in pill("healthy")
    assert "wopr-tone-danger" in pill("down")
    assert "wopr-tone-danger" in pill("leaked")
