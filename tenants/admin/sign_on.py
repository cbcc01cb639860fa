"""Accounts that are connected with single sign-on. Its applications are settings, not rows."""

from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

from wopr.common.staff.pages import MachineOwned, replace_pages

replace_pages(SocialAccount, SocialApp, SocialToken)


@admin.register(SocialAccount)
class SocialAccountAdmin(MachineOwned):
    list_display = ("user", "provider", "uid", "last_login", "date_joined")
    search_fields = ("user__email", "uid")
    list_select_related = ("user",)
    fields = ("user", "provider", "uid", "last_login", "date_joined")
