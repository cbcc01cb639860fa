"""Builders of Stripe's objects: every field that the real API shows, nothing else."""
