"""How django-allauth speaks and keeps secrets here: our own letters, our own encryption."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from tenants.correspondence import letter_of, seller
from tenants.gateways import mail as mailing
from wopr.common import crypto

# What the button of a letter is called, by the letter.
BUTTONS = {
    "account_already_exists": "Choose a new password",
    "password_reset_key": "Choose a new password",  # nosec B105  # pragma: allowlist secret
    "unknown_account": "Create an account",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Letters about accounts come from templates/mail/account, as all others from templates/mail.

    They are sent at once and kept nowhere: a code that is in the database is one that leaks.
    """

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises ProviderError when no mail server takes it; wopr/failures.py says so."""
        mailing.hand_over(self.render_mail(template_prefix, email, {"email": email, **context}))

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        kind = template_prefix.rpartition("/")[2]
        links = (context.get("password_reset_url"), context.get("signup_url"))
        url = next(filter(None, links), settings.WOPR_DASHBOARD_URL)
        action = {"url": url, "label": BUTTONS.get(kind, "")}
        words = {"seller": seller(), "action": action, "code": context.get("code")}
        letter = letter_of(f"account/{kind}", words)
        to = [email] if isinstance(email, str) else email
        mail = EmailMultiAlternatives(
            letter["subject"], letter["text"], self.get_from_email(), to, headers=headers
        )
        mail.attach_alternative(letter["html"], "text/html")
        return mail


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """What a second factor is made of is ciphertext in the database, as all secrets are."""

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text)
