"""The product's settings with the migration linter: `manage.py lintmigrations --settings ...`."""

from wopr.settings import *  # noqa: F403
from wopr.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "django_migration_linter"]
