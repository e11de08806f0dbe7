"""Intuit's token rules without HTTP: codes, grants, rotation, expiry, revocation (reference 1.2-1.5)."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.core.clock import Clock

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=101)
ROTATION = timedelta(hours=24)
GRACE = timedelta(hours=24)
HARD_LIFE = timedelta(seconds=157_680_000)


class OAuthError(Exception):
    """A refusal of the token endpoint: HTTP status, `error` and description."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


@dataclass
class Code:
    """A one-use authorization code and what it was issued for."""

    client: str
    redirect_uri: str
    realm: str
    scope: str
    expires: datetime
    challenge: str = ""
    challenge_method: str = ""
    user: str = "admin"
    grant: "Grant | None" = None


@dataclass
class Refresh:
    """One refresh-token value; `grace_until` is set when a newer one replaced it."""

    value: str
    issued: datetime
    grace_until: datetime | None = None


@dataclass
class Grant:
    """One consent: a company opened to a client. `ended` says why it no longer works ("" while it does)."""

    client: str
    realm: str
    scope: str
    born: datetime
    user: str = "admin"
    values: list[Refresh] = field(default_factory=list)
    ended: str = ""
    refreshing: bool = False


@dataclass
class Access:
    """One access token."""

    grant: Grant
    expires: datetime


@dataclass
class Counters:
    """What the control API reports."""

    exchanges: int = 0
    refreshes: int = 0
    refresh_failures: int = 0
    revocations: int = 0


@dataclass
class TokenSet:
    """What one exchange or refresh answers; lives in seconds."""

    access: str
    refresh: str
    refresh_life: int
    hard_life: int
    grant: Grant


class TokenStore:
    """All codes and tokens of one simulator.

    `strict_rotation`: every refresh gives a new refresh token and the old one is dead at once. Otherwise the value
    changes 24 h after it was issued, and the old one works another 24 h. `kill_on_parallel`: a refresh that meets
    another one in flight ends the grant, instead of only being refused itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget all codes, tokens and counts; back to the default mode."""
        self._codes: dict[str, Code] = {}
        self._refresh: dict[str, Grant] = {}
        self._access: dict[str, Access] = {}
        self._grants: list[Grant] = []
        self.counters = Counters()
        self.strict_rotation = False
        self.kill_on_parallel = False

    def issue_code(self, code: Code) -> str:
        """A new authorization code."""
        value = "AB1" + secrets.token_urlsafe(36)
        self._codes[value] = code
        return value

    def now(self) -> datetime:
        """The simulated moment."""
        return self._clock.now()

    def code_expiry(self) -> datetime:
        """When a code issued now ends."""
        return self._clock.now() + CODE_LIFE

    def exchange(self, client: str, value: str, redirect_uri: str, verifier: str) -> TokenSet:
        """Code for tokens. A second exchange of a code fails and ends the grant of the first (OJ 173)."""
        code = self._codes.get(value)
        if code is None or code.client != client:
            raise OAuthError("invalid_grant", "Invalid authorization code")
        if code.grant is not None:
            code.grant.ended = "code used twice"
            raise OAuthError("invalid_grant", "Invalid authorization code")
        if self._clock.now() >= code.expires:
            raise OAuthError("invalid_grant", "Authorization code expired")
        if code.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri does not match the authorization request")
        if code.challenge and not _pkce_ok(code, verifier):
            raise OAuthError("invalid_grant", "code_verifier does not match")
        grant = Grant(client, code.realm, code.scope, self._clock.now(), code.user)
        code.grant = grant
        self._grants.append(grant)
        self.counters.exchanges += 1
        self._new_refresh(grant)
        return self._tokens(grant)

    def begin_refresh(self, client: str, value: str) -> Grant:
        """Check a refresh token and mark its grant busy. Raises invalid_grant, also when another is in flight."""
        grant = self._refresh.get(value)
        if grant is None or grant.client != client or not self._usable(grant, value):
            self.counters.refresh_failures += 1
            raise OAuthError("invalid_grant", "Incorrect or invalid refresh token")
        if grant.refreshing:
            self.counters.refresh_failures += 1
            if self.kill_on_parallel:
                grant.ended = "parallel refresh"
            raise OAuthError("invalid_grant", "Incorrect or invalid refresh token")
        grant.refreshing = True
        return grant

    def finish_refresh(self, grant: Grant) -> TokenSet:
        """New access token, and a new refresh token when its time has come."""
        grant.refreshing = False
        if grant.ended:
            self.counters.refresh_failures += 1
            raise OAuthError("invalid_grant", "Incorrect or invalid refresh token")
        newest = grant.values[-1]
        now = self._clock.now()
        if self.strict_rotation or now - newest.issued >= ROTATION:
            newest.grace_until = now if self.strict_rotation else now + GRACE
            self._new_refresh(grant)
        self.counters.refreshes += 1
        return self._tokens(grant)

    def revoke(self, client: str, token: str) -> bool:
        """End every grant of the token's company for this client; False for an unknown token."""
        access = self._access.get(token)
        grant = access.grant if access else self._refresh.get(token)
        if grant is None or grant.client != client or grant.ended:
            return False
        self.counters.revocations += 1
        self.end_company(grant.realm, client)
        return True

    def end_company(self, realm: str, client: str | None = None) -> int:
        """A user disconnects the app (or it revokes): how many grants ended."""
        ended = [g for g in self._grants if g.realm == realm and not g.ended and client in (None, g.client)]
        for grant in ended:
            grant.ended = "revoked"
        return len(ended)

    def check(self, token: str) -> tuple[Grant | None, str]:
        """The grant of a live access token, or None and the detail text of the 3200 fault."""
        access = self._access.get(token)
        if access is None:
            short = len(token) < 64 or len(token) > 4096
            return None, "Malformed bearer token: too short or too long" if short else "Token expired"
        if access.grant.ended:
            return None, "Token revoked"
        if self._clock.now() >= access.expires:
            return None, "Token expired"
        return access.grant, ""

    def expire(self, which: str) -> None:
        """Make live tokens invalid: "access", "refresh" or "all"."""
        if which in ("access", "all"):
            for access in self._access.values():
                access.expires = self._clock.now()
        if which in ("refresh", "all"):
            self._refresh.clear()

    def _usable(self, grant: Grant, value: str) -> bool:
        now = self._clock.now()
        held = next(r for r in grant.values if r.value == value)
        if grant.ended or now - grant.born >= HARD_LIFE or now - held.issued >= REFRESH_LIFE:
            return False
        return held.grace_until is None or now < held.grace_until

    def _new_refresh(self, grant: Grant) -> None:
        value = "RT1-" + secrets.token_urlsafe(40)
        grant.values.append(Refresh(value, self._clock.now()))
        self._refresh[value] = grant

    def _tokens(self, grant: Grant) -> TokenSet:
        now = self._clock.now()
        # Real access tokens are encrypted JWTs of 1-4 kB; columns must be able to hold them.
        access = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0.." + secrets.token_urlsafe(750)
        self._access[access] = Access(grant, now + ACCESS_LIFE)
        newest = grant.values[-1]
        left = REFRESH_LIFE - (now - newest.issued)
        hard = HARD_LIFE - (now - grant.born)
        return TokenSet(access, newest.value, round(left.total_seconds()), round(hard.total_seconds()), grant)


def _pkce_ok(code: Code, verifier: str) -> bool:
    if code.challenge_method == "plain":
        return verifier == code.challenge
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return digest == code.challenge
