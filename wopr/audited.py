"""What the audit trail watches: every table of ours, but for what machines write all the time.

Names as text, since the trail is below the apps that it watches. A model that is in neither list of
a test is watched: leaving one out is a decision, and stands here.
"""

OURS = ("common", "audit", "tenants", "billing", "dns", "fleet", "gpu")

# What people do to these is an operation, or shows in the rows that caused it.
MACHINES_OWN = frozenset(
    {
        "audit.AuditEntry",
        "audit.AuditLink",
        "billing.EventCursor",
        "billing.Finding",
        "billing.UsageDay",
        "billing.UsageEvent",
        "common.Heartbeat",
        "fleet.CatalogueOffer",
        "fleet.Drift",
        "fleet.InstanceEvent",
        "fleet.Lookout",
        "fleet.ProviderChange",
        "fleet.ProviderHealth",
        "fleet.RolloutMember",
        "fleet.Sample",
        "fleet.ServerMove",
        "fleet.Step",
        "gpu.Allowance",
        "gpu.BootReport",
        "gpu.Hold",
        "gpu.Remedy",
        "gpu.Service",
        "gpu.ServiceChange",
        "gpu.ServiceSample",
        "tenants.Document",
        "tenants.Message",
        "tenants.Message_attachments",
    }
)

# Tables of libraries that decide who may do what.
OTHERS = (
    "django.contrib.auth.Group",
    "allauth.account.EmailAddress",
    "allauth.mfa.Authenticator",
    "allauth.socialaccount.SocialAccount",
)

# Columns that change as time goes by; a change of nothing else is not worth an entry.
NOISE = {
    "billing.Entitlement": ("refreshed_at", "webhooks_read", "told_plan_id", "plans_told"),
    "dns.CustomDomain": ("checked_at", "next_check_at", "misses", "findings"),
    "dns.Record": ("seen_at",),
    "fleet.Backup": ("manifest",),
    "fleet.Instance": (
        "container_id",
        "disk_grace_until",
        "disk_seen_at",
        "disk_used",
        "exit_code",
        "healthy_at",
        "inspected_at",
        "provider_ready",
    ),
    "fleet.Node": ("seen_at", "unreachable_since"),
    "fleet.Operation": (
        "attempts",
        "error",
        "fence",
        "finished_at",
        "lease_until",
        "next_attempt_at",
        "revision",
        "started_at",
        "state",
    ),
    "fleet.Release": ("seen_at",),
    "gpu.GpuNode": ("reported", "stage_since"),
    "tenants.User": ("last_login",),
}

# Columns that are called like secrets and are none.
PUBLIC = frozenset({"fleet.Release.digest", "fleet.Node.ssh_host_key", "dns.CustomDomain.token"})
