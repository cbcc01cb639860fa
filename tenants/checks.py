"""System checks of e-mail: the provider is one that we know, and has its keys."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

from tenants.gateways import mail


@register()
def mail_can_be_sent(**_: Any) -> list[CheckMessage]:
    provider = settings.WOPR_EMAIL_PROVIDER
    if provider not in (mail.SMTP, *mail.PROVIDERS):
        hint = f"Use one of: {', '.join((mail.SMTP, *sorted(mail.PROVIDERS)))}."
        return [Error(f"WOPR_EMAIL_PROVIDER is {provider!r}.", hint=hint, id="wopr.E015")]
    try:
        get_connection(settings.EMAIL_BACKEND)
    except ImproperlyConfigured as error:
        hint = "django-anymail names the key; write ANYMAIL_ in front of it in the environment."
        return [Error(" ".join(str(error).split()), hint=hint, id="wopr.E016")]
    return []


@register(deploy=True)
def bounces_are_heard_of(**_: Any) -> list[CheckMessage]:
    if settings.WOPR_EMAIL_PROVIDER == mail.SMTP or mail.hears_reports():
        return []
    hint = "Set ANYMAIL_WEBHOOK_SECRET, and give the provider the address with it."
    text = "Nobody hears of letters that bounce: ANYMAIL_WEBHOOK_SECRET is not set."
    return [checks.Warning(text, hint=hint, id="wopr.W017")]
