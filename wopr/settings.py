"""Every setting of WOPR, read from the environment (see .env.example) and nothing else."""

import sys
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from wopr.schedule import BEAT_SCHEDULE
from wopr.unfold import ADMIN_LOOK

WOPR_VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- what kind of installation this is ---
WOPR_ENV = env.str("WOPR_ENV", "production")
PRODUCTION = WOPR_ENV == "production"
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
WOPR_FIELD_KEYS = env.list("WOPR_FIELD_KEYS", default=[])
WOPR_DEPLOYMENT = env.str("WOPR_DEPLOYMENT", "wopr")

# --- names and addresses ---
WOPR_DASHBOARD_URL = env.str("WOPR_DASHBOARD_URL", "https://wopr.bot").rstrip("/")
WOPR_DASHBOARD_HOST = urlsplit(WOPR_DASHBOARD_URL).hostname or ""
WOPR_API_HOST = env.str("WOPR_API_HOST", f"api.{WOPR_DASHBOARD_HOST}")
# Names that are the platform's own: no tenant and no custom domain may have them.
WOPR_PLATFORM_HOSTS = frozenset({WOPR_DASHBOARD_HOST, WOPR_API_HOST})
WOPR_TENANT_DOMAIN = env.str("WOPR_TENANT_DOMAIN", "wopr.bot")
WOPR_EDGE_PORT = env.int("WOPR_EDGE_PORT", 443)
WOPR_EDGE_IPV4 = env.str("WOPR_EDGE_IPV4", "")
WOPR_EDGE_IPV6 = env.str("WOPR_EDGE_IPV6", "")
WOPR_EDGE_PROBE_ADDRESS = env.str("WOPR_EDGE_PROBE_ADDRESS", "")
WOPR_EDGE_CA_FILE = env.str("WOPR_EDGE_CA_FILE", "")
# The platform's own names: each gets an A record, and an AAAA record if there is an IPv6 address.
WOPR_BASE_NAMES = env.list("WOPR_BASE_NAMES", default=sorted(WOPR_PLATFORM_HOSTS))
# --- customers' own domains ---
# Who is asked whether a customer's records are there, as address or address:port.
WOPR_RESOLVERS = env.list("WOPR_RESOLVERS", default=["1.1.1.1", "8.8.8.8", "9.9.9.9"])
# Whom CAA records have to allow: the authorities that Caddy obtains certificates from.
WOPR_CERTIFICATE_ISSUERS = env.list(
    "WOPR_CERTIFICATE_ISSUERS", default=["letsencrypt.org", "sectigo.com"]
)
# Days to set the records; days from the first warning to the pause; days a paused one is kept.
WOPR_DOMAIN_DAYS_TO_VERIFY = env.int("WOPR_DOMAIN_DAYS_TO_VERIFY", 14)
WOPR_DOMAIN_DAYS_TO_PAUSE = env.int("WOPR_DOMAIN_DAYS_TO_PAUSE", 3)
WOPR_DOMAIN_DAYS_TO_EXPIRE = env.int("WOPR_DOMAIN_DAYS_TO_EXPIRE", 30)
# 127.0.0.1 is how Caddy asks for custom domains, and no name that Caddy would let through.
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[*WOPR_PLATFORM_HOSTS, "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[WOPR_DASHBOARD_URL])

# --- outside services ---
CADDY_ADMIN_URL = env.str("CADDY_ADMIN_URL", "http://127.0.0.1:2019")
CADDY_SERVER = env.str("CADDY_SERVER", "wopr")
CADDY_STORAGE = env.str("CADDY_STORAGE", "")
CLOUDFLARE_API_URL = env.str("CLOUDFLARE_API_URL", "https://api.cloudflare.com/client/v4")
CLOUDFLARE_API_TOKEN = env.str("CLOUDFLARE_API_TOKEN", "")
CLOUDFLARE_ZONE = env.str("CLOUDFLARE_ZONE", WOPR_TENANT_DOMAIN)
CLOUDFLARE_MORE_ZONES = env.list("CLOUDFLARE_MORE_ZONES", default=[])
# Single sign-on by Authentik: for bots with the first two, for people's log-in with the next three.
AUTHENTIK_URL = env.str("AUTHENTIK_URL", "").rstrip("/")
AUTHENTIK_API_TOKEN = env.str("AUTHENTIK_API_TOKEN", "")
AUTHENTIK_AUTHORIZATION_FLOW = (
    env.str("AUTHENTIK_AUTHORIZATION_FLOW", "") or "default-provider-authorization-implicit-consent"
)
AUTHENTIK_INVALIDATION_FLOW = (
    env.str("AUTHENTIK_INVALIDATION_FLOW", "") or "default-provider-invalidation-flow"
)
AUTHENTIK_APPLICATION = env.str("AUTHENTIK_APPLICATION", "wopr")
AUTHENTIK_ISSUER = f"{AUTHENTIK_URL}/application/o/{AUTHENTIK_APPLICATION}"
AUTHENTIK_CLIENT_ID = env.str("AUTHENTIK_CLIENT_ID", "")
AUTHENTIK_CLIENT_SECRET = env.str("AUTHENTIK_CLIENT_SECRET", "")
AUTHENTIK_STAFF_GROUP = env.str("AUTHENTIK_STAFF_GROUP", "")
WOPR_SINGLE_SIGN_ON = bool(AUTHENTIK_URL and AUTHENTIK_CLIENT_ID)
# Providers that machines are bought from: those with credentials.
HETZNER_API_URL = env.str("HETZNER_API_URL", "https://api.hetzner.cloud/v1")
HETZNER_API_TOKEN = env.str("HETZNER_API_TOKEN", "")
HETZNER_NETWORK = env.str("HETZNER_NETWORK", "")
DIGITALOCEAN_API_URL = env.str("DIGITALOCEAN_API_URL", "https://api.digitalocean.com")
DIGITALOCEAN_API_TOKEN = env.str("DIGITALOCEAN_API_TOKEN", "")
LINODE_API_TOKEN = env.str("LINODE_API_TOKEN", "")
VULTR_API_TOKEN = env.str("VULTR_API_TOKEN", "")
UPCLOUD_USERNAME = env.str("UPCLOUD_USERNAME", "")
UPCLOUD_PASSWORD = env.str("UPCLOUD_PASSWORD", "")
OVH_APPLICATION_KEY = env.str("OVH_APPLICATION_KEY", "")
OVH_APPLICATION_SECRET = env.str("OVH_APPLICATION_SECRET", "")
OVH_CONSUMER_KEY = env.str("OVH_CONSUMER_KEY", "")
OVH_PROJECT_ID = env.str("OVH_PROJECT_ID", "")
# Nodes that are bought: our way in, whom their firewall admits, and how they enrol.
WOPR_NODE_SSH_KEY = env.str("WOPR_NODE_SSH_KEY", "")
WOPR_NODE_SOURCES = env.list("WOPR_NODE_SOURCES", default=[])
if WOPR_EDGE_IPV4 and not WOPR_NODE_SOURCES:
    WOPR_NODE_SOURCES = [f"{WOPR_EDGE_IPV4}/32"]
WOPR_OPERATOR_SOURCES = env.list("WOPR_OPERATOR_SOURCES", default=[]) or WOPR_NODE_SOURCES
WOPR_NODES_PRIVATE = env.bool("WOPR_NODES_PRIVATE", False)
WOPR_ENROLMENT_URL = env.str("WOPR_ENROLMENT_URL", f"https://{WOPR_API_HOST}").rstrip("/")
WOPR_ENROLMENT_MINUTES = env.int("WOPR_ENROLMENT_MINUTES", 30)
# Where else than to staff's mailboxes alerts about providers go, and what they are signed with.
WOPR_ALERT_WEBHOOK_URL = env.str("WOPR_ALERT_WEBHOOK_URL", "")
WOPR_ALERT_WEBHOOK_SECRET = env.str("WOPR_ALERT_WEBHOOK_SECRET", "")
# Memory that the pool should have to spare; whether WOPR buys by itself, how large, how many.
WOPR_POOL_HEADROOM_MB = env.int("WOPR_POOL_HEADROOM_MB", 0)
WOPR_POOL_BUYS = env.bool("WOPR_POOL_BUYS", False)
WOPR_POOL_SERVER_MB = env.int("WOPR_POOL_SERVER_MB", 4096)
WOPR_POOL_MOST_SERVERS = env.int("WOPR_POOL_MOST_SERVERS", 10)
# What customers may choose, and which regions of providers each stands for.
WOPR_REGIONS = env.dict("WOPR_REGIONS", default={})
WOPR_POOL_REGIONS = env.list("WOPR_POOL_REGIONS", default=[])
WOPR_EXCHANGE_RATES = env.dict("WOPR_EXCHANGE_RATES", default={"eur": "1.1", "usd": "1"})
WOPR_EXCHANGE_RATES = {name: Decimal(rate) for name, rate in WOPR_EXCHANGE_RATES.items()}
WOPR_DEDICATED_SPARE_MB = env.int("WOPR_DEDICATED_SPARE_MB", 512)
STRIPE_API_URL = env.str("STRIPE_API_URL", "https://api.stripe.com")
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", "")
STRIPE_WEBHOOK_TOLERANCE = env.int("STRIPE_WEBHOOK_TOLERANCE", 300)
STRIPE_LIVE_MODE = "_live_" in STRIPE_SECRET_KEY
STRIPE_API_VERSION = "2026-05-27.dahlia"
# What prices are offered in, and whether Stripe computes taxes and accepts promotion codes.
WOPR_CURRENCY = env.str("WOPR_CURRENCY", "eur").lower()
WOPR_STRIPE_TAX = env.bool("WOPR_STRIPE_TAX", False)
WOPR_STRIPE_PROMOTION_CODES = env.bool("WOPR_STRIPE_PROMOTION_CODES", True)

# --- the grace policy, in days: failed payment to suspension, suspension to the end ---
WOPR_GRACE_DAYS = env.int("WOPR_GRACE_DAYS", 7)
WOPR_RETENTION_DAYS = env.int("WOPR_RETENTION_DAYS", 30)
# How long the last backup of a deleted bot is offered for download; then it is deleted too.
WOPR_EXPORT_DAYS = env.int("WOPR_EXPORT_DAYS", 30)
# Days in which the deletion of an account or a tenant can be taken back.
WOPR_DELETION_DAYS = env.int("WOPR_DELETION_DAYS", 14)
# Days before the suspension on which a reminder goes out.
WOPR_REMINDER_DAYS = env.list("WOPR_REMINDER_DAYS", cast=int, default=[3, 1])
# A single run never suspends more than this many tenants, or this share of them, by itself.
WOPR_BREAKER_COUNT = env.int("WOPR_BREAKER_COUNT", 20)
WOPR_BREAKER_PERCENT = env.int("WOPR_BREAKER_PERCENT", 10)

# --- bots ---
WOPR_BOT_IMAGE = env.str("WOPR_BOT_IMAGE", "ghcr.io/wopr-network/wopr:latest")
WOPR_MORE_REGISTRIES = env.list("WOPR_MORE_REGISTRIES", default=[])
WOPR_ENGINE_NETWORK = env.str("WOPR_ENGINE_NETWORK", "wopr-tenants")
WOPR_ENGINE_SUBNET = env.str("WOPR_ENGINE_SUBNET", "10.213.0.0/16")
WOPR_PORT_RANGE = env.str("WOPR_PORT_RANGE", "20000-29999")
WOPR_OPERATION_LEASE_SECONDS = env.int("WOPR_OPERATION_LEASE_SECONDS", 30)
# What a machine's memory and disk cost us a day, in WOPR_CURRENCY; prices what lies about unused.
WOPR_COST_MEMORY_GB_DAY = Decimal(env.str("WOPR_COST_MEMORY_GB_DAY", "0.13"))
WOPR_COST_DISK_GB_DAY = Decimal(env.str("WOPR_COST_DISK_GB_DAY", "0.002"))

# --- how releases reach the bots ---
# How many bots get a release first, and the tenants whose bots are preferred for it.
WOPR_ROLLOUT_CANARIES = env.int("WOPR_ROLLOUT_CANARIES", 2)
WOPR_ROLLOUT_CANARY_TENANTS = env.list("WOPR_ROLLOUT_CANARY_TENANTS", default=[])
# The share of the other bots, in percent, that has the release after each wave.
WOPR_ROLLOUT_WAVES = env.list("WOPR_ROLLOUT_WAVES", cast=int, default=[10, 40, 100])
# How long a wave is watched before the next begins, and how many updates run at once.
WOPR_ROLLOUT_SOAK_MINUTES = env.int("WOPR_ROLLOUT_SOAK_MINUTES", 15)
WOPR_ROLLOUT_AT_ONCE = env.int("WOPR_ROLLOUT_AT_ONCE", 4)
# So many ends within so many minutes are a crash loop; so many without one are its end.
WOPR_CRASH_ENDS = env.int("WOPR_CRASH_ENDS", 5)
WOPR_CRASH_MINUTES = env.int("WOPR_CRASH_MINUTES", 10)
WOPR_CRASH_CALM_MINUTES = env.int("WOPR_CRASH_CALM_MINUTES", 15)
# How long what was seen of bots is kept: readings whole, then one an hour, and events.
WOPR_SAMPLES_RAW_HOURS = env.int("WOPR_SAMPLES_RAW_HOURS", 48)
WOPR_SAMPLES_DAYS = env.int("WOPR_SAMPLES_DAYS", 30)
WOPR_EVENTS_DAYS = env.int("WOPR_EVENTS_DAYS", 90)
# What a bot keeps against its plan: when its owner is warned, and what happens when it is full.
WOPR_DISK_WARN_PERCENT = env.int("WOPR_DISK_WARN_PERCENT", 80)
WOPR_DISK_POLICY = env.str("WOPR_DISK_POLICY", "stop")
# Live logs: lines kept of each bot while somebody watches, and streams open at a time per tenant.
WOPR_LOG_LINES = env.int("WOPR_LOG_LINES", 1000)
WOPR_LOG_WATCHERS = env.int("WOPR_LOG_WATCHERS", 5)

# A folder, or s3:https://host/bucket; below it each tenant has a repository of its own.
WOPR_BACKUP_REPOSITORY = env.str("WOPR_BACKUP_REPOSITORY", str(BASE_DIR / ".wopr" / "backups"))
# How many backups and proofs are under way at the same time.
WOPR_BACKUPS_AT_ONCE = env.int("WOPR_BACKUPS_AT_ONCE", 4)
# Days after which a kept backup is restored and compared once more.
WOPR_PROOF_DAYS = env.int("WOPR_PROOF_DAYS", 7)
# Days without a proven backup after which staff are told.
WOPR_BACKUP_OVERDUE_DAYS = env.int("WOPR_BACKUP_OVERDUE_DAYS", 2)

# --- inference: prices in millionths of WOPR_CURRENCY, the month's budget in its cents ---
WOPR_INFERENCE_URL = (env.str("WOPR_INFERENCE_URL", "") or f"{WOPR_DASHBOARD_URL}/v1").rstrip("/")
WOPR_INFERENCE_TOKEN_PRICE = env.int("WOPR_INFERENCE_TOKEN_PRICE", 600)  # for 1000 tokens
WOPR_INFERENCE_AUDIO_PRICE = env.int("WOPR_INFERENCE_AUDIO_PRICE", 100)  # for a second
WOPR_INFERENCE_BUDGET = env.int("WOPR_INFERENCE_BUDGET", 1000)  # of a tenant that set none
WOPR_INFERENCE_RATE = env.int("WOPR_INFERENCE_RATE", 300)  # requests a minute and tenant
WOPR_INFERENCE_BODY = env.int("WOPR_INFERENCE_BODY", 25 * 1024 * 1024)  # bytes
GPU_NODE_HOST = env.str("GPU_NODE_HOST", "")
GPU_NODE_PORTS = env.list("GPU_NODE_PORTS", cast=int, default=[8080, 8081, 8082, 8083])
WOPR_GPU_REPLACEMENTS_A_DAY = env.int("WOPR_GPU_REPLACEMENTS_A_DAY", 1)
WOPR_GPU_IMAGE = env.str("WOPR_GPU_IMAGE", "ubuntu-24-04-x64")
WOPR_GPU_MODELS = env.list("WOPR_GPU_MODELS", default=[])
WOPR_GPU_SERVICES = env.dict("WOPR_GPU_SERVICES", default={})
WOPR_NVIDIA_DRIVERS = env.str(
    "WOPR_NVIDIA_DRIVERS",
    "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64",
)
WOPR_NVIDIA_TOOLKIT = env.str("WOPR_NVIDIA_TOOLKIT", "https://nvidia.github.io/libnvidia-container")
GPU_NODE_SECRET = env.str("GPU_NODE_SECRET", "")
GPU_NODE_TOKEN = env.str("GPU_NODE_TOKEN", "")

# --- Django ---
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "wopr.common.staff.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.socialaccount",
    "tenants.single_sign_on",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "csp",
    "anymail",
    "djstripe",
    "wopr",
    "wopr.common",
    "wopr.common.audit",
    "tenants",
    "billing",
    "dns",
    "fleet",
    "gpu",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "wopr.common.correlation.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wopr.common.csp.PolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wopr.common.audit.context.AuditMiddleware",
    "tenants.impersonating.ImpersonationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "wopr.failures.MailAwayMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "wopr.urls"
ASGI_APPLICATION = "wopr.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": env.db("DATABASE_URL", default="postgres://wopr@127.0.0.1:5432/wopr")}
# Web requests open one each: under ASGI each has a thread of its own. Workers keep theirs.
DATABASES["default"]["CONN_MAX_AGE"] = 0
# Looked at before it is used again, so that a restart of PostgreSQL breaks no task.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {})
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": WOPR_DEPLOYMENT,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 5},
    }
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
# Where collectstatic puts the files of a built image; without it they come from their sources.
STATIC_ROOT = env.str("STATIC_ROOT", "") or None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = not PRODUCTION
APPEND_SLASH = True
# Bodies of outside callers are read into memory before a view may refuse them.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# django-pghistory asks who is signed in only when something is written.
PGHISTORY_JSON_ENCODER = "wopr.common.audit.context.Encoder"

# --- accounts ---
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# By a code that is typed into the page that is open: nobody changes windows on the way to a bot.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
# Who leaves the page that asks for the code, and signs in again, gets another one at once.
ACCOUNT_RATE_LIMITS = {"confirm_email": "3/m/key"}
ACCOUNT_ADAPTER = "tenants.accounts.AccountAdapter"
# How many seconds a password or second factor that was given again opens what is dangerous.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "tenants.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "WOPR"
MFA_TOTP_TOLERANCE = 1
# Staff give their second factor again after so many hours.
WOPR_STAFF_PROOF_HOURS = env.int("WOPR_STAFF_PROOF_HOURS", 12)
# How long staff look at the dashboard as a customer.
WOPR_IMPERSONATION_MINUTES = env.int("WOPR_IMPERSONATION_MINUTES", 30)
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("browser",)
HEADLESS_FRONTEND_URLS = {
    "account_signup": f"{WOPR_DASHBOARD_URL}/signup",
    "account_confirm_email": f"{WOPR_DASHBOARD_URL}/login",
    "account_reset_password": f"{WOPR_DASHBOARD_URL}/account/reset",
    "account_reset_password_from_key": f"{WOPR_DASHBOARD_URL}/account/reset/{{key}}",
    "socialaccount_login_error": f"{WOPR_DASHBOARD_URL}/login",
}
LOGIN_URL = "/login"
# How long an invitation into a tenant may be accepted.
WOPR_INVITATION_DAYS = env.int("WOPR_INVITATION_DAYS", 7)
# Log-in by Authentik: state, nonce and PKCE; no account is opened because of an e-mail address.
SOCIALACCOUNT_ADAPTER = "tenants.single_sign_on.adapter.SignOnAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {}
if WOPR_SINGLE_SIGN_ON:
    SOCIALACCOUNT_PROVIDERS["authentik"] = {
        "APPS": [
            {
                "provider_id": "authentik",
                "name": "Single sign-on",
                "client_id": AUTHENTIK_CLIENT_ID,
                "secret": AUTHENTIK_CLIENT_SECRET,
                "settings": {
                    "server_url": f"{AUTHENTIK_URL}/application/o/{AUTHENTIK_APPLICATION}"
                },
            }
        ]
    }

# --- browser security: everything is served by HTTPS, by Caddy, in every environment ---
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION
# The health probes come to the web process directly, from the same host, by plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^api/(health|live|ready)$", r"^internal/edge/ask$", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # A form that ends in a redirect to Authentik counts as one that is sent there.
        "form-action": [SELF, *([AUTHENTIK_URL] if WOPR_SINGLE_SIGN_ON else [])],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Unfold (Alpine) evaluates expressions and both pages style inline; no other path may.
CONTENT_SECURITY_POLICY_BY_PATH = {
    "/admin/": {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    "/api/v1/docs": {"style-src": [SELF, UNSAFE_INLINE]},
}
UNFOLD = ADMIN_LOOK

# --- API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["wopr.common.permissions.Closed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
        "tenants.api.authentication.KeyThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": "120/min",
        "user": "1200/min",
        "key": "600/min",
        "checkout": "20/min",
        "invite": "30/hour",
        "export": "30/hour",
    },
    "EXCEPTION_HANDLER": "wopr.common.problems.problem",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "WOPR",
    "DESCRIPTION": "Tenants, checkout, bots and the operations that run them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "InstanceStatus": "fleet.models.Instance.Status",
        "DomainState": "dns.models.CustomDomain.State",
        "OperationState": "fleet.models.Operation.State",
        "StepState": "fleet.models.Step.State",
        "CheckoutStatus": "billing.models.Checkout.Status",
        "TenantKind": "tenants.models.Tenant.Kind",
        "Role": "tenants.models.Membership.Role",
        "GivenRole": "tenants.api.teams.GIVEN_ROLES",
    },
}

# --- Stripe through dj-stripe ---
STRIPE_API_HOST = STRIPE_API_URL
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_SUBSCRIBER_MODEL = "tenants.Tenant"
DJSTRIPE_SUBSCRIBER_MODEL_MIGRATION_DEPENDENCY = "0001_initial"
DJSTRIPE_WEBHOOK_VALIDATION = "verify_signature"
# dj-stripe warns of any custom API host; our own check refuses sandbox hosts in production.
SILENCED_SYSTEM_CHECKS = ["djstripe.W002"]

# --- mail ---
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="smtp://127.0.0.1:25")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
# Or a provider's HTTP API by django-anymail, which knows the names of its keys.
WOPR_EMAIL_PROVIDER = env.str("WOPR_EMAIL_PROVIDER", "smtp")
if WOPR_EMAIL_PROVIDER != "smtp":
    EMAIL_BACKEND = f"anymail.backends.{WOPR_EMAIL_PROVIDER}.EmailBackend"
ANYMAIL = {
    **{
        name.removeprefix("ANYMAIL_"): value
        for name, value in env.ENVIRON.items()
        if name.startswith("ANYMAIL_")
    },
    "WEBHOOK_SECRET": env.str("ANYMAIL_WEBHOOK_SECRET", ""),
    # A refused address is an outcome that staff see, not an error to try again.
    "IGNORE_RECIPIENT_STATUS": True,
}
EMAIL_HOST = EMAIL_CONFIG["EMAIL_HOST"]
EMAIL_PORT = EMAIL_CONFIG["EMAIL_PORT"]
EMAIL_HOST_USER = EMAIL_CONFIG["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = EMAIL_CONFIG["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL_CONFIG.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "WOPR <hello@wopr.bot>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Who sells: the imprint of letters and documents.
WOPR_SELLER_NAME = env.str("WOPR_SELLER_NAME", "WOPR")
WOPR_SELLER_ADDRESS = env.str("WOPR_SELLER_ADDRESS", "")
WOPR_SELLER_EMAIL = env.str("WOPR_SELLER_EMAIL", "")

# --- Celery: messages carry ids, truth and retries are in PostgreSQL ---
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "global_keyprefix": f"{WOPR_DEPLOYMENT}:",
    "socket_connect_timeout": 2,
    "socket_timeout": 30,
    # A wake-up may be lost; nobody who sends one waits long for a broker that is away.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
# Operations wait in a queue of their own, and a worker takes from both in turn: neither a payment's
# dozen of webhooks nor a hundred bots to set up keeps the other waiting.
CELERY_TASK_QUEUES = {"celery": {"exchange": "celery"}, "operations": {"exchange": "operations"}}
CELERY_TASK_ROUTES = {"fleet.operation_run": {"queue": "operations"}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery would close the process's connection after every task; wopr.celery decides instead.
CELERY_DB_REUSE_MAX = sys.maxsize
# Several may run; one of them is at work, and another takes over when it is silent.
CELERY_BEAT_SCHEDULER = "wopr.beat:LeasedScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_TIMEZONE = TIME_ZONE

# --- traces and errors, each only where it is told to send them ---
WOPR_TRACES_URL = env.str("WOPR_TRACES_URL", "")
WOPR_TRACES_SHARE = env.float("WOPR_TRACES_SHARE", 1.0)
SENTRY_DSN = env.str("SENTRY_DSN", "")

# --- logs: one JSON object a line, with the correlation id, without secrets ---
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "correlation": {"()": "wopr.common.logs.CorrelationFilter"},
        "redaction": {"()": "wopr.common.logs.RedactionFilter"},
    },
    "formatters": {"json": {"()": "wopr.common.logs.JsonFormatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["correlation", "redaction"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # httpx logs every request with its whole URL at INFO; our clients log what matters.
        "httpx": {"level": "WARNING"},
        # A line for each wake-up of a sweep would bury what operations say.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        # uvicorn comes with handlers of its own; its lines go the way of all others.
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "propagate": True},
        "uvicorn.error": {"handlers": [], "propagate": True},
        "stripe": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
    },
}
