"""Whether the audit trail is what it was, looked at by the schedule; staff hear when it is not."""

import logging

from tenants import alarms
from wopr.common.audit.verifying import verify

logger = logging.getLogger(__name__)
# As many as somebody reads; the command lists them all.
SHOWN = 20


def trail_verify() -> None:
    """Works out every digest. The end is written into the log, which leaves this machine."""
    verdict = verify()
    if not verdict.faults:
        logger.info("the audit trail holds up to %s:%s", verdict.position, verdict.digest)
        return
    alarms.staff_told(
        subject="The audit trail was tampered with",
        text="\n".join(
            [
                f"{len(verdict.faults)} faults were found:",
                *verdict.faults[:SHOWN],
                "",
                "`manage.py audit_verify` lists all of them. Find out who may write to the database"
                " beside WOPR, and keep a copy of it before anything else is done.",
            ]
        ),
    )
