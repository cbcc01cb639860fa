"""A mailbox: an SMTP server that keeps what it gets, and pages that show it."""
