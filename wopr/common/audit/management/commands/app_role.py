"""`manage.py app_role`: what the role that WOPR runs as may do, when another owns the tables."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg.sql import SQL, Composed, Identifier

from wopr.common.audit.models import AuditEntry, AuditLink

_DATA = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
)
_TRAIL = "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {role}"


class Command(BaseCommand):
    help = "Lets a role use all tables and only read the audit trail. Run it after each migrate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        role = Identifier(options["role"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            if cursor.fetchone() == (options["role"],):
                raise CommandError("This role owns the tables. Connect as their owner.")
            for grant in _DATA:
                cursor.execute(_filled(grant, cursor, role=role))
            for model in (AuditEntry, AuditLink):
                table = Identifier(model._meta.db_table)
                cursor.execute(_filled(_TRAIL, cursor, role=role, table=table))
        self.stdout.write(f"{options['role']} may use all tables, and only read the audit trail.")


def _filled(text: str, cursor: Any, **names: Identifier) -> str:
    composed: Composed = SQL(text).format(**names)
    return composed.as_string(cursor.connection)
