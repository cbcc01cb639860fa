"""`manage.py billing_audit`: what Stripe says is paid, against what we let tenants run."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import audit
from billing.models import Finding
from wopr.common.errors import ProviderError
from wopr.common.templatetags.figures import money


class Command(BaseCommand):
    help = "Compares live subscriptions at Stripe with entitlements; fails if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the findings as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            findings = audit.audit()
        except ProviderError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(f) for f in findings], indent=2))
        else:
            self.stdout.write(_table(findings))
        if findings:
            raise CommandError(f"{len(findings)} differences", returncode=1)


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "subject": finding.subject,
        "detail": finding.detail,
        "amount": finding.amount,
        "currency": finding.currency,
        "first_seen": finding.first_seen.isoformat(),
    }


def _table(findings: Iterable[Finding]) -> str:
    rows = [(f.kind, f.subject, _worth(f), f.detail) for f in findings]
    if not rows:
        return "No differences: what is paid at Stripe is what tenants may run."
    rows.insert(0, ("finding", "of", "a month", "what"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )


def _worth(finding: Finding) -> str:
    return money(finding.amount, finding.currency) if finding.currency else "-"
