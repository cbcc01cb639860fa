"""The audit trail: who changed what, from where, why, before and after; and the logbook."""
