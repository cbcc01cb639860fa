"""What single sign-on may do to accounts here: make one, open the connected one, make staff."""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from tenants.models import User
from tenants.staff_rights import rights_follow

EMAIL_TAKEN = "An account has this address already. Sign in to it, then connect single sign-on."


class SignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Never opens an account because of an e-mail address: only its owner connects the two."""

    def authenticate_by_email(self, sociallogin: Any) -> None:
        return None

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        addresses = [address.email for address in sociallogin.email_addresses]
        if any(User.objects.filter(email__iexact=address).exists() for address in addresses):
            raise ValidationError(EMAIL_TAKEN, code="email_taken")
        return True

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        if sociallogin.is_existing:
            rights_follow(user=sociallogin.user, groups=_groups(sociallogin))

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        rights_follow(user=user, groups=_groups(sociallogin))
        return user

    def validate_disconnect(self, account: Any, accounts: Any) -> None:
        """Whoever is staff by a group stays tied to it."""
        if account.user.is_staff:
            raise ValidationError("Staff stay connected.", code="staff_stay_connected")


def _groups(sociallogin: Any) -> list[str]:
    return list(sociallogin.account.extra_data.get("userinfo", {}).get("groups") or ())
