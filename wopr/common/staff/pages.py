"""Bases of the admin's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.utils import quote, unquote
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.dataclasses import ActionDialog
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from wopr.common.audit.context import because
from wopr.common.errors import Refused
from wopr.common.proof import is_fresh
from wopr.common.staff.links import linked_groups

Handler = TypeVar("Handler", bound=Callable[..., HttpResponse])


class ReasonForm(BaseDialogForm):  # type: ignore[misc]
    """The dialog of whatever needs a reason."""

    note = forms.CharField(label="Why", widget=UnfoldAdminTextareaWidget)


class StaffAdmin(ModelAdmin):  # type: ignore[misc]
    """A page that ends with links to whatever belongs to the row."""

    list_filter_submit = True
    list_per_page = 50
    warn_unsaved_form = True
    show_full_result_count = False
    change_form_outer_after_template = "admin/linked.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        context = {**self.panel_context(row), "linked": linked_groups(row)} if row else {}
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def panel_context(self, row: Any) -> dict[str, Any]:
        """What the page's own templates need beyond the row."""
        return {}

    def has_operate_permission(self, request: HttpRequest, row: Any = None) -> bool:
        """Who may start actions: the same people who could change the row by hand elsewhere."""
        meta = self.model._meta
        return bool(request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}"))

    def cause_of(self, request: HttpRequest) -> str:
        """How the ledger names whoever started an operation here."""
        return f"staff: {request.user.pk}"

    def carry_out(
        self, request: HttpRequest, row: Model, act: Callable[[], object], done: str
    ) -> HttpResponse:
        """Calls a service, says how it ended, and returns to the row's page."""
        self._attempt(request, act, done)
        return back_to(request, row)

    def carry_out_new(
        self, request: HttpRequest, act: Callable[[], object], done: str
    ) -> HttpResponse:
        """The same for an action of the list, which has no row yet."""
        self._attempt(request, act, done)
        return led(request, reverse(_page(self.model, "changelist")))

    def _attempt(self, request: HttpRequest, act: Callable[[], object], done: str) -> None:
        because(_said(request) or done)
        try:
            act()
            self.message_user(request, done, messages.SUCCESS)
        except Refused as refusal:
            self.message_user(request, refusal.message, messages.ERROR)


class MachineOwned(StaffAdmin):
    """Rows that the machine writes: staff look, follow links and start actions; nobody types."""

    actions_on_top = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    """Rows that are shown inside another page, and changed nowhere."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _said(request: HttpRequest) -> str:
    """Why, in the words of whoever filled in the action's dialog, if it asks."""
    return str(request.POST.get("reason") or request.POST.get("note") or "")


def replace_pages(*models: type[Model]) -> None:
    """Takes away the pages that a library registered, so that ours can take their place."""
    for model in models:
        if site.is_registered(model):
            site.unregister(model)


def confirmed(
    description: str,
    *,
    icon: str,
    ask: str,
    effects: str,
    form: type[BaseDialogForm] = BaseDialogForm,
    proof: bool = False,
) -> Callable[[Handler], Handler]:
    """An action of a page. A dialog lists the effects first, and asks what the form asks.

    With `proof` it is done only for who gave their second factor a moment ago.
    """
    dialog = ActionDialog(
        title=ask, description=effects, form_class=form, form_submit_text=description
    )
    decorate: Callable[[Handler], Handler] = action(
        description=description, permissions=("operate",), icon=icon, dialog=dialog
    )
    return (lambda handler: decorate(_proved(handler))) if proof else decorate


def _proved(handler: Handler) -> Handler:
    """Sends who has to prove who they are to the page that asks, and from there back here."""

    @wraps(handler)
    def guarded(page: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fresh(request):
            return handler(page, request, *args, **kwargs)
        here = reverse(_page(page.model, "changelist"))
        if "object_id" in kwargs:
            here = reverse(_page(page.model, "change"), args=[kwargs["object_id"]])
        return led(request, f"/account/prove?{urlencode({'next': here})}")

    return cast(Handler, guarded)


def back_to(request: HttpRequest, row: Model) -> HttpResponse:
    """To the row's page."""
    return led(request, reverse(_page(type(row), "change"), args=[quote(row.pk)]))


def _page(model: type[Model], page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"


def led(request: HttpRequest, address: str) -> HttpResponse:
    """To the address, for a browser as for htmx, which does not follow redirects itself."""
    if not request.headers.get("HX-Request"):
        return redirect(address)
    return HttpResponse(headers={"HX-Redirect": address})
