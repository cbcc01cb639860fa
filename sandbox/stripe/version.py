"""The version of Stripe's API that the sandbox speaks: the one the pinned SDK asks for."""

API_VERSION = "2026-08-26.dahlia"

RELEASE = "dahlia"
"""Versions of one release differ by additions only."""
