#!/usr/bin/env python
"""Django's command line."""

import getpass
import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wopr.settings")
    # By this name the database, and with it the audit trail, knows who changes something.
    name = f"manage.py {' '.join(sys.argv[1:2])} by {getpass.getuser()}"
    os.environ.setdefault("PGAPPNAME", name)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
