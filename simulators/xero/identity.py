"""Users, codes, tokens and connections: what identity.xero.com and /connections know.

A grant belongs to a user and an app and covers every organisation that the user connected. Refresh tokens
rotate at each use; the one before stays good for 30 minutes, in case the answer was lost.
"""

import base64
import functools
import hashlib
import hmac
import secrets
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.xero.books import new_id
from simulators.xero.seeds import CLIENT_ID, CLIENT_SECRET, User

ISSUER = "https://identity.xero.com"
CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=60)
REFRESH_GRACE = timedelta(minutes=30)


class OAuthError(Exception):
    """A refusal of the token endpoint; the text is the `error` code."""


@dataclass(frozen=True)
class Connection:
    """An organisation that a user connected to an app. `id` is not the tenant's id."""

    id: str
    client_id: str
    user_id: str
    tenant_id: str
    auth_event: str
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Grant:
    """What a token stands for."""

    client_id: str
    user: User
    scopes: frozenset[str]
    auth_event: str
    auth_time: datetime
    expires: datetime
    rotated: datetime | None = None


@dataclass(frozen=True)
class Code:
    """An authorization code waiting to be exchanged."""

    grant: Grant
    redirect_uri: str
    challenge: str


@dataclass
class Identity:
    """All of it, in memory.

    `bulk`: the app's tier lets a user choose several organisations in one consent. `granular_only`: the app is a
    new one that cannot ask for the broad scopes.
    """

    clock: Clock
    clients: dict[str, str] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, Grant] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)
    bulk: bool = True
    granular_only: bool = False

    def consent(
        self, client_id: str, user: User, tenants: list[str], scopes: frozenset[str], redirect_uri: str, challenge: str
    ) -> str:
        """Connect the organisations and return a code. Scopes add up with what the user granted before."""
        now = self.clock.now()
        event = new_id()
        for tenant in tenants:
            self._connect(client_id, user.id, tenant, event, now)
        earlier = [g for g in self.refresh.values() if g.client_id == client_id and g.user.id == user.id]
        union = scopes.union(*(g.scopes for g in earlier))
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(Grant(client_id, user, union, event, now, now + CODE_LIFE), redirect_uri, challenge)
        return code

    def client_is(self, client_id: str, secret: str) -> bool:
        """Whether the pair is right."""
        return hmac.compare_digest(self.clients.get(client_id, ""), secret) and client_id in self.clients

    def exchange(self, client_id: str, code: str, redirect_uri: str, verifier: str) -> Json:
        """Code to tokens. Raises OAuthError invalid_grant; a code works once."""
        found = self.codes.pop(code, None)
        if found is None or found.grant.client_id != client_id or found.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant")
        if found.grant.expires <= self.clock.now() or not _proves(verifier, found.challenge):
            raise OAuthError("invalid_grant")
        self.counters["exchanges"] += 1
        return self._issue(found.grant)

    def renew(self, client_id: str, token: str) -> Json:
        """Refresh token to a new pair. Raises OAuthError invalid_grant."""
        grant = self.refresh.get(token)
        now = self.clock.now()
        late = grant is not None and grant.rotated is not None and now - grant.rotated > REFRESH_GRACE
        if grant is None or grant.client_id != client_id or grant.expires <= now or late:
            self.counters["refresh_failures"] += 1
            raise OAuthError("invalid_grant")
        if grant.rotated is None:
            self.refresh[token] = replace(grant, rotated=now)
        self.counters["refreshes"] += 1
        return self._issue(grant)

    def revoke(self, client_id: str, token: str) -> None:
        """End the user's whole grant to the app: every refresh token and every connection."""
        grant = self.refresh.get(token)
        if grant is None or grant.client_id != client_id:
            return
        self.counters["revocations"] += 1
        owner = (client_id, grant.user.id)
        self.refresh = {t: g for t, g in self.refresh.items() if (g.client_id, g.user.id) != owner}
        self.connections = {k: c for k, c in self.connections.items() if (c.client_id, c.user_id) != owner}

    def connections_of(self, grant: Grant) -> list[Connection]:
        """The connections of the token's user and app, oldest first."""
        owner = (grant.client_id, grant.user.id)
        return [c for c in self.connections.values() if (c.client_id, c.user_id) == owner]

    def disconnect(self, tenant_id: str) -> int:
        """Somebody removes the app in Xero's own settings; returns how many connections went."""
        doomed = [key for key, c in self.connections.items() if c.tenant_id == tenant_id]
        for key in doomed:
            del self.connections[key]
        return len(doomed)

    def expire(self, what: str) -> None:
        """Make live tokens invalid: `access`, `refresh` or `all`."""
        past = self.clock.now() - timedelta(seconds=1)
        if what in ("access", "all"):
            self.access = {token: replace(g, expires=past) for token, g in self.access.items()}
        if what in ("refresh", "all"):
            self.refresh = {token: replace(g, expires=past) for token, g in self.refresh.items()}

    def _connect(self, client_id: str, user_id: str, tenant: str, event: str, now: datetime) -> None:
        for key, c in self.connections.items():
            if (c.client_id, c.user_id, c.tenant_id) == (client_id, user_id, tenant):
                self.connections[key] = replace(c, auth_event=event, updated=now)
                return
        fresh = Connection(new_id(), client_id, user_id, tenant, event, now, now)
        self.connections[fresh.id] = fresh

    def _issue(self, grant: Grant) -> Json:
        now = self.clock.now()
        live = replace(grant, expires=now + ACCESS_LIFE, rotated=None)
        access = _signed(_claims(live, now))
        self.access[access] = live
        answer: Json = {"access_token": access, "expires_in": 1800, "token_type": "Bearer"}
        if "openid" in grant.scopes:
            answer["id_token"] = _signed(_id_claims(live, now))
        if "offline_access" in grant.scopes:
            token = secrets.token_urlsafe(32)
            self.refresh[token] = replace(live, expires=now + REFRESH_LIFE)
            answer["refresh_token"] = token
        return answer | {"scope": " ".join(sorted(grant.scopes))}


@functools.cache
def _key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def jwks() -> Json:
    """The public half of the signing key."""
    public: Json = jwt.algorithms.RSAAlgorithm.to_jwk(_key().public_key(), as_dict=True)
    return {"keys": [public | {"kid": "sim-xero", "use": "sig", "alg": "RS256"}]}


def _signed(claims: Json) -> str:
    return jwt.encode(claims, _key(), algorithm="RS256", headers={"kid": "sim-xero"})


def _claims(grant: Grant, now: datetime) -> Json:
    return {
        "nbf": int(now.timestamp()),
        "exp": int(grant.expires.timestamp()),
        "iss": ISSUER,
        "aud": f"{ISSUER}/resources",
        "client_id": grant.client_id,
        "sub": hashlib.sha256(grant.user.id.encode()).hexdigest()[:32],
        "auth_time": int(grant.auth_time.timestamp()),
        "xero_userid": grant.user.id,
        "global_session_id": grant.auth_event.replace("-", ""),
        "sid": grant.auth_event.replace("-", ""),
        "jti": secrets.token_hex(16).upper(),
        "authentication_event_id": grant.auth_event,
        "scope": sorted(grant.scopes),
    }


def _id_claims(grant: Grant, now: datetime) -> Json:
    first, _, last = grant.user.name.partition(" ")
    out: Json = {
        "nbf": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=5)).timestamp()),
        "iat": int(now.timestamp()),
        "iss": ISSUER,
        "aud": grant.client_id,
        "sub": hashlib.sha256(grant.user.id.encode()).hexdigest()[:32],
        "auth_time": int(grant.auth_time.timestamp()),
        "xero_userid": grant.user.id,
        "preferred_username": grant.user.email,
    }
    if "email" in grant.scopes:
        out["email"] = grant.user.email
    if "profile" in grant.scopes:
        out |= {"given_name": first, "family_name": last, "name": grant.user.name}
    return out


def _proves(verifier: str, challenge: str) -> bool:
    if not challenge:
        return True
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).decode().rstrip("="), challenge)
