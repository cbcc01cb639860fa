"""Where staff have a bot live, and how they end it: buttons of the bot's page."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget

from fleet import services, upkeep
from fleet.models import Instance, Node
from wopr.common.staff.pages import StaffAdmin, confirmed


class MoveForm(BaseDialogForm):  # type: ignore[misc]
    """Which machine it is to go to."""

    target = forms.ModelChoiceField(
        label="Machine",
        queryset=Node.objects.filter(accepts_instances=True),
        required=False,
        empty_label="where it belongs, with the most room",
        widget=UnfoldAdminSelectWidget,
    )


class Placing(StaffAdmin):
    """Move and delete."""

    placing_actions = ("move", "delete_bot")

    @confirmed(
        "Move to…",
        icon="drive_file_move",
        ask="Move this bot to another machine?",
        effects="It is stopped for as long as its data are copied, and runs on at the other "
        "machine; if it does not answer there, it goes back.",
        form=MoveForm,
    )
    def move(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        instance, cause = _instance(object_id), self.cause_of(request)
        target = form.cleaned_data["target"]
        return self.carry_out(
            request,
            instance,
            lambda: upkeep.instance_move(instance=instance, target=target, cause=cause),
            f"{instance} moves; its newest operation shows how far it is.",
        )

    @confirmed(
        "Delete this bot",
        icon="delete_forever",
        ask="End this bot for good?",
        effects="It is backed up a last time, and everything that it has is removed and seen to be "
        "gone. Refused while its tenant's plan pays for it: another would be set up at once.",
        proof=True,
    )
    def delete_bot(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        instance, cause = _instance(object_id), self.cause_of(request)
        return self.carry_out(
            request,
            instance,
            lambda: services.instance_delete(instance=instance, cause=cause),
            f"{instance} is being ended; its newest operation shows how far it is.",
        )


def _instance(object_id: str) -> Instance:
    return get_object_or_404(Instance.objects.select_related("tenant", "node"), pk=object_id)
