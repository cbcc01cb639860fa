"""What a tenant may be called. The name becomes a DNS label: https://<slug>.<tenant domain>."""

import re

from django.core.exceptions import ValidationError

MIN_LENGTH, MAX_LENGTH = 3, 40
_LABEL = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]\Z")

# Names that would speak for the platform, for mail, or for somebody's infrastructure.
RESERVED = frozenset(
    """
    abuse account accounts admin administrator api app apps assets auth authentik autoconfig
    autodiscover backup billing blog bot bots caddy cdn chat checkout cloud console contact
    dashboard database db demo dev dns docker docs edge email example fleet ftp gateway git
    gpu grafana health help hostmaster imap inference info internal invoice ldap localhost
    login logout mail mailer mcp metrics monitoring mx news node noc ns ns1 ns2 oauth
    operator ops owner payment payments platform pop pop3 portal postmaster pricing privacy
    prometheus public register registry root sales security server shop signin signup smtp
    sso staff staging static status store stripe support system team terms test trpc vpn
    webhook webhooks webmail webmaster welcome wopr wpad www
    """.split()  # noqa: SIM905  (a list that people read and extend)
)


def validate_slug(slug: str) -> None:
    """Raises ValidationError with code slug_malformed or slug_reserved, saying what to change."""
    if not MIN_LENGTH <= len(slug) <= MAX_LENGTH:
        raise ValidationError(
            f"Use {MIN_LENGTH} to {MAX_LENGTH} characters.", code="slug_malformed"
        )
    if not _LABEL.match(slug):
        raise ValidationError(
            "Use lower-case letters, digits and single hyphens; begin with a letter and do not end"
            " with a hyphen.",
            code="slug_malformed",
        )
    if "--" in slug:
        raise ValidationError("Two hyphens in a row are not allowed.", code="slug_malformed")
    if slug in RESERVED:
        raise ValidationError(f"“{slug}” is reserved. Choose another name.", code="slug_reserved")
