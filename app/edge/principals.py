"""Who calls, for which firm, and what they may do. The firm comes from the credential and from nowhere else.

Two credentials: an API key for services, `tieout_<environment>_<43 base62><6 base62: CRC-32 of all before>`, and a JSON
Web Token of the configured identity provider for users. Secret scanners find keys by
`tieout_[a-z0-9]{1,12}_[0-9A-Za-z]{49}`.
"""

import re
import secrets
import string
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt

from app.crypto import digest
from app.db import api_keys
from app.db.session import Database
from app.edge.jwks import SIGNATURES, KeySet
from app.edge.key_look_ups import KeyLookUps
from app.errors import Forbidden, Unauthenticated
from app.settings import Settings

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY = re.compile(r"(tieout_([a-z0-9]{1,12})_[0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_SHOWN = 8  # random characters of a key that lists may show: enough to recognise it, useless to guess it
_CLOCK_SKEW_SECONDS = 30
_NOT_USERS = frozenset({"key", "operator", "system"})  # the audit calls others so


class Role(StrEnum):
    """What a principal may do: read; keep the books and sync; connect, disconnect and change the firm."""

    viewer = "viewer"
    member = "member"
    admin = "admin"

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller of one firm. `subject` is `key:<id>` or the token's `sub`; audit and consents record it."""

    firm_id: int
    subject: str
    role: Role

    def require(self, role: Role) -> None:
        """Raise Forbidden unless this principal's role covers `role`."""
        if not self.role.covers(role):
            raise Forbidden(f"This needs the role {role}; the credential used has the role {self.role}.", who="admin")


def make_key(environment: str) -> str:
    """A new API key: 256 random bits, so a plain hash of it is safe to store."""
    body = f"tieout_{environment}_" + "".join(secrets.choice(_BASE62) for _ in range(43))
    return body + _checksum(body)


def key_prefix(key: str) -> str:
    """What lists show of a key."""
    return key[: key.rindex("_") + 1 + _SHOWN]


def key_environment(key: str) -> str | None:
    """The environment a well-formed key was made for; None where form or checksum are wrong. No database needed."""
    found = _KEY.fullmatch(key)
    if found is None or not secrets.compare_digest(_checksum(found[1]), found[3]):
        return None
    return found[2]


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    letters = ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        letters = _BASE62[rest] + letters
    return letters


class Authenticator:
    """Turns a bearer credential into a principal."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._db = database
        self._keys = KeyLookUps(database)
        self._jwks = KeySet(settings.jwt_jwks_url) if settings.jwt_jwks_url else None

    async def principal(self, credential: str) -> Principal:
        """Raises Unauthenticated for whatever does not count, Forbidden for a user without a role here."""
        if credential.startswith("tieout_"):
            return await self._by_key(credential)
        return await self._by_token(credential)

    async def _by_key(self, key: str) -> Principal:
        environment = key_environment(key)
        if environment is None:
            raise Unauthenticated("The API key is not well-formed: it was cut short or mistyped.")
        if environment != self._settings.key_environment:
            raise Unauthenticated(f"The API key belongs to another environment ({environment}).")
        row = await self._keys.find(digest(key))
        if row is None:
            raise Unauthenticated("The API key is unknown, expired or revoked.")
        return Principal(firm_id=row.firm_id, subject=f"key:{row.id}", role=Role(row.role))

    async def _by_token(self, token: str) -> Principal:
        return await self.from_claims(await self._claims(token))

    async def from_claims(self, claims: Mapping[str, Any]) -> Principal:
        """Whom verified claims speak of. Raises Unauthenticated, and Forbidden for a user without a role here."""
        firm = str(claims.get(self._settings.jwt_firm_claim, ""))
        if not re.fullmatch(r"[1-9][0-9]{0,17}", firm):
            raise Unauthenticated(f"The token names no firm in its claim {self._settings.jwt_firm_claim!r}.")
        async with self._db.system() as session:
            if not await api_keys.firm_exists(session, int(firm)):
                raise Unauthenticated("The token's firm is not known here.")
        role = _highest(claims.get(self._settings.jwt_roles_claim))
        if role is None:
            raise Forbidden("The token grants none of the roles viewer, member and admin.", who="admin")
        subject = str(claims["sub"])
        if not subject.isprintable() or subject.partition(":")[0] in _NOT_USERS:
            raise Unauthenticated("The token's subject is not one that can be told from a key, the operator or us.")
        return Principal(firm_id=int(firm), subject=subject, role=role)

    async def _claims(self, token: str) -> dict[str, Any]:
        """The token's verified claims. Algorithms are pinned: HS256 for the shared key, public-key ones for a JWKS."""
        shared = self._settings.jwt_shared_key
        try:
            key: str | jwt.PyJWK | None = shared.get_secret_value() if shared else None
            if key is None and self._jwks is not None:
                key = await self._jwks.key(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                raise Unauthenticated("The bearer credential is neither an API key nor a token we can verify.")
            return jwt.decode(
                token,
                key,
                algorithms=["HS256"] if shared else SIGNATURES,
                issuer=self._settings.jwt_issuer,
                audience=self._settings.jwt_audience,
                leeway=_CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The token is not accepted: {error}.") from None


def _highest(claim: object) -> Role | None:
    """The strongest of our roles in a claim: a list, or one string with spaces or commas between."""
    words: Iterable[object] = re.split(r"[\s,]+", claim) if isinstance(claim, str) else ()
    if isinstance(claim, list):
        words = claim
    given = {str(word) for word in words}
    return next((role for role in reversed(Role) if role.value in given), None)
