"""Users, tenants and memberships."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress, EmailConfirmation
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants import impersonating
from tenants.admin.leaving import Deletable
from tenants.models import Membership, Tenant, User
from wopr.common.audit.context import because
from wopr.common.errors import Refused
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment
from wopr.common.staff.pages import (
    MachineOwned,
    ReadOnlyInline,
    ReasonForm,
    back_to,
    confirmed,
    led,
    replace_pages,
)

# A confirmation holds the key that confirms; nobody needs to see it.
replace_pages(EmailConfirmation, EmailAddress)


class MembershipInline(ReadOnlyInline):
    """Who may act in the tenant."""

    model = Membership
    verbose_name_plural = "members"
    hide_title = True
    fields = ("person", "role", "since")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "tenant")  # type: ignore[no-any-return]

    @admin.display(description="person")
    def person(self, membership: Membership) -> SafeString | str:
        return link(membership.user)

    @admin.display(description="since")
    def since(self, membership: Membership) -> SafeString | str:
        return moment(membership.created_at)


@admin.register(User)
class UserAdmin(BaseUserAdmin, Deletable):  # type: ignore[type-arg]
    actions_detail: ClassVar = ("look_as", "delete_for_good")
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = (
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "tenant_total",
        "seen",
        "joined",
    )
    list_filter = ("is_staff", "is_superuser", "is_active", "date_joined")
    search_fields = ("email", "first_name", "last_name", "memberships__tenant__slug")
    # Two lists side by side are wider than the page.
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).annotate(tenant_count=Count("memberships"))  # type: ignore[no-any-return]

    @confirmed(
        "Look as this customer",
        icon="visibility",
        ask="Look at the dashboard as this customer?",
        effects="You see what they see, and change nothing, for "
        f"{settings.WOPR_IMPERSONATION_MINUTES} minutes at most. The owner reads that you did; "
        "why stays on this page and in the audit trail.",
        form=ReasonForm,
        proof=True,
    )
    def look_as(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        person = get_object_or_404(User, pk=unquote(object_id))
        because(form.cleaned_data["note"])
        try:
            begun = impersonating.impersonation_begin(
                staff=request.user,  # type: ignore[arg-type]
                person=person,
                reason=form.cleaned_data["note"],
            )
        except Refused as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return back_to(request, person)
        request.session[impersonating.SESSION_KEY] = str(begun.pk)
        return led(request, "/")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person is switched off, since what they did must stay explained."""
        return False

    @admin.display(description="tenants", ordering="tenant_count")
    def tenant_total(self, user: Any) -> int:
        return int(user.tenant_count)

    @admin.display(description="last seen", ordering="last_login")
    def seen(self, user: User) -> SafeString | str:
        return moment(user.last_login)

    @admin.display(description="joined", ordering="date_joined")
    def joined(self, user: User) -> SafeString | str:
        return moment(user.date_joined)


@admin.register(EmailAddress)
class EmailAddressAdmin(MachineOwned):
    list_display = ("email", "user", "verified", "primary")
    list_filter = ("verified", "primary")
    search_fields = ("email",)
    list_select_related = ("user",)
    fields = ("email", "user", "verified", "primary")


@admin.register(Tenant)
class TenantAdmin(Deletable):
    """A customer account, from which everything that belongs to it can be reached."""

    list_display = ("slug", "name", "owner_link", "created")
    search_fields = ("slug", "name", "id", "memberships__user__email")
    list_filter = ("created_at",)
    readonly_fields = ("id", "slug", "owner_link", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "slug", "owner_link")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )
    inlines: ClassVar[list[type[ReadOnlyInline]]] = [MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return super().get_queryset(request).prefetch_related("memberships__user")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A tenant is made by the person who will own it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leaving is an operation, not the deletion of a row."""
        return False

    @admin.display(description="owner")
    def owner_link(self, tenant: Tenant) -> SafeString | str:
        members = tenant.memberships.all()
        owner = next((m.user for m in members if m.role == Membership.Role.OWNER), None)
        return link(owner)

    @admin.display(description="created", ordering="created_at")
    def created(self, tenant: Tenant) -> SafeString | str:
        return moment(tenant.created_at)


@belongs_to(User, "Tenants")
def _tenants_of(user: User) -> QuerySet[Tenant]:
    return Tenant.objects.filter(memberships__user=user)


@belongs_to(User, "E-mail addresses")
def _addresses_of(user: User) -> Any:
    return EmailAddress.objects.filter(user=user)
