"""Second factors of people: which they have, and taking one away from somebody who lost it."""

from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from tenants.models import User
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment
from wopr.common.staff.pages import MachineOwned, confirmed, replace_pages

# What a factor is made of, and the keys of sessions, nobody needs to see.
replace_pages(Authenticator, UserSession)


@admin.register(Authenticator)
class AuthenticatorAdmin(MachineOwned):
    list_display = ("kind", "person", "made", "used")
    list_filter = ("type",)
    search_fields = ("user__email",)
    list_select_related = ("user",)
    fields = ("kind", "person", "made", "used")
    actions_detail: ClassVar = ("take_away",)

    @confirmed(
        "Take away",
        icon="key_off",
        ask="Take this second factor away?",
        effects="They sign in without it from now on, if they have no other. Be sure who asked "
        "you for it: somebody who has stolen a password asks for exactly this.",
        proof=True,
    )
    def take_away(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        row = get_object_or_404(Authenticator, pk=unquote(object_id))
        kind = row.get_type_display()
        return self.carry_out_new(request, row.delete, f"{kind} of {row.user} is taken away.")

    @admin.display(description="factor", ordering="type")
    def kind(self, row: Any) -> str:
        return str(row.get_type_display())

    @admin.display(description="person")
    def person(self, row: Any) -> SafeString | str:
        return link(row.user)

    @admin.display(description="made", ordering="created_at")
    def made(self, row: Any) -> SafeString | str:
        return moment(row.created_at)

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, row: Any) -> SafeString | str:
        return moment(row.last_used_at)


@belongs_to(User, "Second factors")
def _factors_of(user: User) -> QuerySet[Any]:
    factors: QuerySet[Any] = Authenticator.objects.filter(user=user)
    return factors
