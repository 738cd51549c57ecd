"""Every setting of Drops, read from the environment. `.env.example` names and explains each."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from urllib.parse import urlsplit

from config import environment as env
from config.environment import BadSetting
from config.logs import logging_config
from config.schedule import SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent

# Everything that a running Drops writes, and the settings that `make run` generated, in one ignored folder.
STATE_DIR = Path(env.text("STATE_DIR", str(BASE_DIR / "var"))).resolve()
env.read_file("ENV_FILE", STATE_DIR / "env")

DEBUG = env.flag("DEBUG")
# Where people and partners reach this site. An https address switches on all that belongs to TLS.
SITE_URL = env.address("SITE_URL", "http://127.0.0.1:8000")
_site = urlsplit(SITE_URL)
HTTPS = _site.scheme == "https"

SECRET_KEY = env.text("SECRET_KEY", "development-only" if DEBUG else "")
if not SECRET_KEY:
    raise BadSetting("SECRET_KEY must be set to a long random text; `make run` makes one in var/env.")
# Fernet keys, newest first, that encrypt secrets at rest (webhook signing keys).
ENCRYPTION_KEYS = env.fernet_keys("ENCRYPTION_KEYS")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", _site.hostname or "")

# What is ours, and what it stands on

# Widgets of ours have templates among the others.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

INSTALLED_APPS = [
    "accounts",
    "drops",
    "fulfillment",
    "accounts.admin_site.OperatorsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "rest_framework",
]

MIDDLEWARE = [
    "config.middleware.request_id.request_id",
    "config.middleware.bodies.whole_bodies",
    "config.middleware.health.health",
    "drops.api.watch.beats_first",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.compression.Compression",
    "config.middleware.csp.content_security_policy",
    "config.middleware.private.private",
    "config.middleware.site_address.site_address",
    "accounts.middleware.api_log",
    "config.api.envelope.json_errors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.request_log.RequestLog",
    "accounts.middleware.audit_origin",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.sign_in.whole_page_to_sign_in",
    "config.middleware.no_nul.no_nul",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

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
                "accounts.context.site",
            ],
        },
    }
]

# Database: SQLite in one file, or what DATABASE_URL says

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{STATE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA busy_timeout=20000;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["OPTIONS"] = {
        # A statement that a connection has carried out five times is planned no more.
        "server_side_binding": True,
        "prepare_threshold": 5,
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {
            "min_size": 1,
            "max_size": env.number("DATABASE_POOL", 16),
            # A request waits so long for a connection, be the database busy or away, before it fails.
            "timeout": 10,
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis or Valkey: cache, task broker, watch stream. Without it: one process does it all.

REDIS_URL = env.address("REDIS_URL", schemes=("redis", "rediss"), path=True)
CACHES = {
    "default": {"BACKEND": "config.cache.RedisOrHere", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_ALWAYS_EAGER = not REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker for as long as it takes
# A publish is tried once: what a lost task would have done, the next one does.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 2, "socket_connect_timeout": 2, "max_retries": 0}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A worker whose threads are all busy keeps few messages that another one could take.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {
    "fulfillment.tasks.deliver": {"queue": "deliveries"},
    "fulfillment.tasks.post_to_chats": {"queue": "deliveries"},
    "fulfillment.tasks.fire_tests": {"queue": "deliveries"},
}
CELERY_BEAT_SCHEDULER = "config.clock.Clock"
CELERY_BEAT_SCHEDULE = SCHEDULE

# Watch time

# Shares of the viewers that are credited independently. Change it only while the stream is empty.
WATCH_PARTITIONS = env.number("WATCH_PARTITIONS", 8)
# Beats waiting in one partition's stream, beyond which players are told to come back later.
WATCH_STREAM_LIMIT = env.number("WATCH_STREAM_LIMIT", 100_000)
# Beats of one viewer that each web process takes in a minute; a player sends one, and one for each click.
WATCH_BEATS_PER_MINUTE = env.number("WATCH_BEATS_PER_MINUTE", 120)
# Where browsers and players reach the viewer WebSocket, without the path; where there is none, pages ask now and then.
SOCKET_URL = env.address("SOCKET_URL", schemes=("wss", "ws"))
# Pages of these origins may connect to it, beside our own.
SOCKET_ORIGINS = env.words("SOCKET_ORIGINS")
# Whether streamers themselves say that they are live; else the platform's own apps alone do.
STREAMERS_GO_LIVE = env.flag("STREAMERS_GO_LIVE")
WATCH_HISTORY_DAYS = env.number("WATCH_HISTORY_DAYS", 90)
# How long a launch can be looked at again, minute by minute.
WAR_ROOM_DAYS = env.number("WAR_ROOM_DAYS", 90)
# Viewers of one network who may earn on one channel in a day; 0: any number.
WATCH_NETWORK_VIEWERS = env.number("WATCH_NETWORK_VIEWERS", 0, least=0)
WATCH_NETWORK_DAYS = env.number("WATCH_NETWORK_DAYS", 30)

# People

# How long the audit trail is kept; 0: for good.
AUDIT_TRAIL_DAYS = env.number("AUDIT_TRAIL_DAYS", 0, least=0)
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
# The first hashes new passwords; the last is for OAuth client secrets alone.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "accounts.oauth.secrets.ClientSecretHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_USERNAME_MIN_LENGTH = 3
# Wrong passwords: few for an account from one address, more from anywhere. One address alone has at most 60 an
# hour, and so keeps nobody out elsewhere (accounts/sign_in_limits.py).
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "login_failed_anywhere": "100/h/key"}
# Changes of the ways to sign in ask for a fresh sign-in: a borrowed session must not become the account.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Pictures that one person uploads in an hour, be they refused or not.
PICTURES_PER_HOUR = env.number("PICTURES_PER_HOUR", 60)
BEHIND_TLS_PROXY = env.flag("BEHIND_TLS_PROXY")
# Limits of the sign-in and of /oauth/token count by address: so many at the end of X-Forwarded-For are our proxies'.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", int(BEHIND_TLS_PROXY), least=0)
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
MFA_FORMS = {
    "authenticate": "accounts.code_forms.SignInCodeForm",
    "reauthenticate": "accounts.code_forms.ConfirmCodeForm",
    "activate_totp": "accounts.code_forms.FirstCodeForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Drops"
# One step of 30 s either way, for slow typing and slow clocks (RFC 6238, section 5.2).
MFA_TOTP_TOLERANCE = 1
# Sign-in with the platform's own accounts: any OpenID Connect provider.
OIDC_SERVER_URL = env.address("OIDC_SERVER_URL", path=True)
OIDC_CLIENT_ID, OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_ID"), env.text("OIDC_CLIENT_SECRET")
if len({bool(OIDC_SERVER_URL), bool(OIDC_CLIENT_ID), bool(OIDC_CLIENT_SECRET)}) == 2:
    raise BadSetting("OIDC_SERVER_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set together, or none.")
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "platform",
                "name": env.text("OIDC_NAME", "the platform"),
                "client_id": OIDC_CLIENT_ID,
                "secret": OIDC_CLIENT_SECRET,
                "settings": {"server_url": OIDC_SERVER_URL},
            }
        ]
        if OIDC_SERVER_URL
        else [],
    }
}
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
# The platform's people need no address here, and what it has not confirmed itself is not taken over.
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_ONLY = False

vars().update(env.email("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 10  # seconds: a mail server that hangs holds up no page and no worker
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"Drops <no-reply@{_site.hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# The public API and OAuth

OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.OAuthApp"
OAUTH2_PROVIDER = {
    "APPLICATION_ADMIN_CLASS": "accounts.admin.PlatformAppAdmin",
    "OAUTH2_SERVER_CLASS": "accounts.oauth.server.Server",
    "OAUTH2_VALIDATOR_CLASS": "accounts.oauth.validator.Validator",
    "SCOPES_BACKEND_CLASS": "accounts.oauth.scopes.Scopes",
    "CLIENT_SECRET_HASHER": "client_secret",
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 90 * 86400,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ROTATE_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
}
# Calls that one OAuth app may make in a minute, to the API and to /oauth/token each.
API_CALLS_PER_MINUTE = env.number("API_CALLS_PER_MINUTE", 6000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.api.parsers.JSONOnly",
    "DEFAULT_SCHEMA_CLASS": "config.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.envelope.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Drops",
    "DESCRIPTION": "Claims, links, campaigns and deliveries for studios; campaigns and progress for viewers' tools.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": SITE_URL}],
    "SCHEMA_PATH_PREFIX": "/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [],
}

# Webhooks: only tests, development and the demo may let them reach this machine itself.

OUTBOUND_ALLOW_LOOPBACK = env.flag("OUTBOUND_ALLOW_LOOPBACK")
OUTBOUND_PROXY = env.address("OUTBOUND_PROXY", schemes=("http", "https"))
# A file of PEM certificates to trust instead of the system's.
OUTBOUND_CA_FILE = env.text("OUTBOUND_CA_FILE")
# A folder for the private parts of webhook signing keys, instead of the database (encrypted there).
SIGNING_KEY_DIR = env.text("SIGNING_KEY_DIR")
# The threads of one web process: at most half of them wait for partners' servers at a time.
WEB_THREADS = env.number("WEB_THREADS", 8)
# The deliveries that one worker of the queue `deliveries` makes at a time: its --concurrency.
DELIVERY_THREADS = env.number("DELIVERY_THREADS", 64)

# Seeing inside

# The first port of the figures for Prometheus, 0: none. They are for whoever reaches it, so it is not the site's.
METRICS_PORT = env.number("METRICS_PORT", 0, least=0)
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
# Where traces go (OTLP over HTTP), and the share of beats and claims that has one.
TRACES_ENDPOINT = env.address("TRACES_ENDPOINT", path=True)
TRACES_SHARE = env.share("TRACES_SHARE", "1")
if TRACES_ENDPOINT and importlib.util.find_spec("opentelemetry") is None:
    raise BadSetting(
        "TRACES_ENDPOINT needs the packages of requirements/traces.lock, which are not installed."
    )

# Language, files, safety

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "config.formats"
USE_I18N = True
# One catalogue of each language, for all apps and templates: `make messages`.
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_TZ = True
# "example.com" typed into a form means https. The setting falls away with Django 6.0, where it is so anyway.
FORMS_URLFIELD_ASSUME_HTTPS = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.text("STATIC_DIR", str(STATE_DIR / "static")))
MEDIA_URL = "media/"
MEDIA_ROOT = STATE_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
# config.middleware.request_id lets only a sound one through.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
# A task's lines name the request that asked for it. A line for each task that begins and ends is for DEBUG alone:
# the clock sends several a second.
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_CELERY_DEFAULT_LOG_LEVEL = logging.DEBUG
LOGGING = logging_config(debug=DEBUG, level=LOG_LEVEL)

# The user name is unique whatever its case: a constraint on lower(username), which the check does not see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
