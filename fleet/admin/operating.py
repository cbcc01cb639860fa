"""What staff do to a bot in its owner's place: buttons of the bot's page."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from fleet import services
from fleet.models import Backup, Instance, Operation
from wopr.common.staff.pages import StaffAdmin, confirmed


class RenameForm(BaseDialogForm):  # type: ignore[misc]
    """What the bot is to be called."""

    slug = forms.CharField(label="New name", max_length=63, widget=UnfoldAdminTextInputWidget)


class Operating(StaffAdmin):
    """Start, stop, restart, back up, clone and rename."""

    operating_actions = ("start", "stop", "restart", "back_up", "clone", "rename")

    @confirmed(
        "Start",
        icon="play_arrow",
        ask="Start this bot?",
        effects="It is made as its rows say now, started, and seen to answer under its name.",
    )
    def start(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        return self._carry_out(request, object_id, services.instance_start, "is being started")

    @confirmed(
        "Stop",
        icon="stop",
        ask="Stop this bot?",
        effects="Its name shows that it is stopped. Its data stay, and it stays stopped until "
        "somebody starts it.",
    )
    def stop(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        return self._carry_out(request, object_id, services.instance_stop, "is being stopped")

    @confirmed(
        "Restart",
        icon="restart_alt",
        ask="Restart this bot?",
        effects="It is down for some seconds and gets a new container; its data stay.",
    )
    def restart(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        return self._carry_out(request, object_id, services.instance_restart, "is being restarted")

    @confirmed(
        "Back up",
        icon="backup",
        ask="Back this bot up now?",
        effects="It is frozen while its data are copied. The backup is proven by restoring it "
        "elsewhere; older ones beyond what the plan keeps are deleted.",
    )
    def back_up(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        return self._carry_out(request, object_id, services.instance_back_up, "is being backed up")

    @confirmed(
        "Clone",
        icon="content_copy",
        ask="Make another bot of this one's data?",
        effects="It is backed up, and a new bot of the same tenant gets the backup. The plan must "
        "have a bot left.",
    )
    def clone(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        return self._carry_out(request, object_id, services.instance_clone, "is being cloned")

    @confirmed(
        "Rename",
        icon="edit",
        ask="Give this bot another name?",
        effects="The new name is published and seen to work; then the old one leads nowhere.",
        form=RenameForm,
    )
    def rename(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        def renamed(*, instance: Instance, cause: str) -> Operation:
            slug = form.cleaned_data["slug"].strip().lower()
            return services.instance_rename(instance=instance, slug=slug, cause=cause)

        return self._carry_out(request, object_id, renamed, "is being renamed")

    def _carry_out(
        self, request: HttpRequest, object_id: str, act: Callable[..., object], done: str
    ) -> HttpResponse:
        instance = get_object_or_404(Instance.objects.select_related("tenant"), pk=object_id)
        return self.carry_out(
            request,
            instance,
            lambda: act(instance=instance, cause=self.cause_of(request)),
            f"{instance} {done}; its newest operation shows how far it is.",
        )


class Restoring(StaffAdmin):
    """Restore: the button of a backup's page."""

    restoring_actions = ("restore",)

    @confirmed(
        "Restore",
        icon="settings_backup_restore",
        ask="Put this backup in the place of the bot's data?",
        effects="The bot is stopped and what it has now is backed up first. If it does not get "
        "healthy with the backup, it gets back what it had.",
    )
    def restore(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        found = Backup.objects.select_related("instance__tenant")
        backup = get_object_or_404(found, pk=object_id)
        return self.carry_out(
            request,
            backup,
            lambda: services.instance_restore(
                instance=backup.instance, backup=backup, cause=self.cause_of(request)
            ),
            f"{backup.instance} is being restored; its newest operation shows how far it is.",
        )
