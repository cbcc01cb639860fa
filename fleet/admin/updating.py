"""What staff do about a bot's release: buttons of the bot's page."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from fleet import release_services
from fleet.models import Instance
from wopr.common.staff.links import link
from wopr.common.staff.looks import moment
from wopr.common.staff.pages import ReasonForm, StaffAdmin, confirmed


class Updating(StaffAdmin):
    """Update now, go back, pin and unpin."""

    updating_actions = ("update_now", "roll_back", "pin", "unpin")

    @confirmed(
        "Update now",
        icon="upgrade",
        ask="Update this bot now?",
        effects="It is backed up and stopped for some seconds, and runs the newest release that "
        "its canaries passed. If it is worse than before, it goes back by itself.",
    )
    def update_now(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        instance = _instance(object_id)
        return self.carry_out(
            request,
            instance,
            lambda: release_services.instance_update(
                instance=instance, cause=self.cause_of(request)
            ),
            f"{instance} is being updated; its newest operation shows how far it is.",
        )

    @confirmed(
        "Roll back",
        icon="undo",
        ask="Take this bot back to its earlier release?",
        effects="It is backed up and stopped for some seconds. No rollout brings it to the release "
        "again that it runs now; a newer one does.",
    )
    def roll_back(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        instance = _instance(object_id)
        return self.carry_out(
            request,
            instance,
            lambda: release_services.instance_roll_back(
                instance=instance, cause=self.cause_of(request)
            ),
            f"{instance} goes back to its earlier release.",
        )

    @confirmed(
        "Pin its release",
        icon="keep",
        ask="Keep rollouts away from this bot?",
        effects="It stays on its release until it is unpinned, or updated by hand.",
        form=ReasonForm,
    )
    def pin(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        instance = _instance(object_id)
        reason = form.cleaned_data["note"]
        return self.carry_out(
            request,
            instance,
            lambda: release_services.instance_pin(instance=instance, reason=reason),
            f"No rollout touches {instance} any more.",
        )

    @confirmed(
        "Unpin",
        icon="keep_off",
        ask="Let rollouts take this bot along again?",
        effects="The release that it missed comes to it by itself.",
    )
    def unpin(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        instance = _instance(object_id)
        return self.carry_out(
            request,
            instance,
            lambda: release_services.instance_unpin(instance=instance),
            f"Rollouts take {instance} along again.",
        )

    def earlier_release(self, instance: Instance) -> SafeString | str:
        return link(instance.previous_release)

    def crash_loop(self, instance: Instance) -> SafeString | str:
        return moment(instance.crashing_since)

    earlier_release.short_description = "earlier release"  # type: ignore[attr-defined]
    crash_loop.short_description = "ends again and again since"  # type: ignore[attr-defined]


def _instance(object_id: str) -> Instance:
    return get_object_or_404(Instance.objects.select_related("tenant", "release"), pk=object_id)
