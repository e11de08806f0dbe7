"""What would make a configuration unsafe or only half complete; every finding names the setting and its cure."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.crypto import KeyRing

if TYPE_CHECKING:
    from app.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MIN_SECRET = 32


def unsafe(settings: "Settings") -> Iterator[str]:
    """Every reason not to start with these settings, without any value."""
    for check in (_secrets, _urls, _redirects, _clients, _callers):
        yield from check(settings)


def items(text: str) -> tuple[str, ...]:
    """The parts of a list with commas between."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _secrets(settings: "Settings") -> Iterator[str]:
    try:
        KeyRing.parse(settings.encryption_keys.get_secret_value())
    except ValueError as error:
        yield f"ENCRYPTION_KEYS: {error}. Make a key with `tieout generate-key` and set it as k1:<key>."
    for name in ("secret_key", "operator_secret", "jwt_shared_key"):
        secret = getattr(settings, name)
        if secret is not None and len(secret.get_secret_value()) < _MIN_SECRET:
            yield f"{name.upper()}: shorter than {_MIN_SECRET} characters. Make one with `openssl rand -base64 48`."
    for name in ("database_url", "migration_database_url"):
        url = getattr(settings, name)
        if url is not None and not re.match(r"postgres(ql)?(\+\w+)?://", url.get_secret_value()):
            yield f"{name.upper()}: not a PostgreSQL address. Use postgresql://user:password@host/database."


def _urls(settings: "Settings") -> Iterator[str]:
    """Tokens and codes travel over these: plain http is for this machine alone."""
    fields = [name for name in type(settings).model_fields if re.search(r"_(url|redirect_uri)$", name)]
    named = [(name.upper(), getattr(settings, name)) for name in fields if not name.endswith("database_url")]
    lists = [("RETURN_URL_ALLOWLIST", url) for url in settings.return_urls]
    origins = [("CORS_ORIGINS", origin) for origin in settings.allowed_origins]
    for name, url in (pair for pair in chain(named, lists, origins) if pair[1] is not None):
        if "*" in url:
            yield f"{name}: a wildcard would let any site act for a signed-in user. List the addresses one by one."
            continue
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
            yield f"{name}: not a full web address. Use the form https://host/path."
        elif parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            yield f"{name}: http is only for this machine. Use https."


def _redirects(settings: "Settings") -> Iterator[str]:
    """Both vendors compare the redirect URI exactly and refuse loopback addresses given as numbers."""
    xero = urlsplit(settings.xero_redirect_uri)
    if xero.hostname in _LOOPBACK - {"localhost"}:
        yield "XERO_REDIRECT_URI: Xero refuses 127.0.0.1. Use http://localhost (set PUBLIC_URL) or https."
    live = settings.quickbooks_environment == "production"
    to_intuit = urlsplit(settings.quickbooks_production_url).hostname not in _LOOPBACK
    if live and to_intuit and not settings.quickbooks_redirect_uri.startswith("https:"):
        yield "QUICKBOOKS_REDIRECT_URI: Intuit's production keys need https. Set PUBLIC_URL to the public address."


def _clients(settings: "Settings") -> Iterator[str]:
    for provider in ("quickbooks", "xero"):
        client_id, secret = (getattr(settings, f"{provider}_client_{part}") for part in ("id", "secret"))
        if (client_id is None) != (secret is None):
            yield (
                f"{provider.upper()}_CLIENT_ID and {provider.upper()}_CLIENT_SECRET belong together:"
                " set both from the vendor's developer portal, or neither to leave the provider off."
            )


def _callers(settings: "Settings") -> Iterator[str]:
    if settings.jwt_jwks_url and settings.jwt_shared_key:
        yield "JWT_JWKS_URL and JWT_SHARED_KEY exclude each other: keep the one your identity provider signs with."
    if (settings.jwt_jwks_url or settings.jwt_shared_key) and not (settings.jwt_issuer and settings.jwt_audience):
        yield "JWT_ISSUER and JWT_AUDIENCE: set both, or tokens meant for other services would be accepted here."
    given = {settings.oidc_issuer_url is None, settings.oidc_client_id is None, settings.oidc_client_secret is None}
    if len(given) > 1:
        yield "OIDC_ISSUER_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET belong together: set all three, or none."
