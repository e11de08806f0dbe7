"""What a grant's tokens look like at rest: sealed, each value bound to its row and column. Pure."""

import json
from datetime import datetime
from typing import Literal

from app.crypto import KeyRing, Unreadable
from app.db import sealed
from app.errors import Misconfigured
from app.providers.oauth import TokenSet

Column = Literal["sealed_access", "sealed_refresh", "sealed_previous"]


class Seals:
    """Seals and opens tokens with the service's keys."""

    __slots__ = ("_keys",)

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def token(self, grant_id: int, column: Column, token: str) -> str:
        """One token, sealed for its place."""
        return self._keys.seal(token.encode(), context=sealed.context("grants", grant_id, column))

    def open(self, grant_id: int, column: Column, value: str) -> str:
        """The token in a sealed value. Raises Misconfigured if our keys do not open it."""
        return self._opened(value, sealed.context("grants", grant_id, column))

    def columns(self, grant_id: int, tokens: TokenSet) -> dict[str, object]:
        """The columns that hold a token set, for an active grant that has no previous refresh token."""
        return {
            "sealed_access": self.token(grant_id, "sealed_access", tokens.access_token),
            "sealed_refresh": self.token(grant_id, "sealed_refresh", tokens.refresh_token),
            "sealed_previous": "",
            "token_type": tokens.token_type,
            "scope": tokens.scope,
            "access_expires_at": tokens.access_expires_at,
            "refresh_expires_at": tokens.refresh_expires_at,
            "hard_expires_at": tokens.hard_expires_at,
            "status": "active",
            "error_message": "",
            "retry_at": None,
        }

    def pending(self, token_hash: str, tokens: TokenSet) -> str:
        """A whole token set, sealed for the pending row of this hash."""
        plain = {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "token_type": tokens.token_type,
            "scope": tokens.scope,
            "access_expires_at": tokens.access_expires_at.isoformat(),
            "refresh_expires_at": _text(tokens.refresh_expires_at),
            "hard_expires_at": _text(tokens.hard_expires_at),
        }
        return self._keys.seal(json.dumps(plain).encode(), context=_pending(token_hash))

    def open_pending(self, token_hash: str, value: str) -> TokenSet:
        """The token set that `pending` sealed. Raises Misconfigured if our keys do not open it."""
        plain = json.loads(self._opened(value, _pending(token_hash)))
        return TokenSet(
            access_token=plain["access_token"],
            refresh_token=plain["refresh_token"],
            token_type=plain["token_type"],
            scope=plain["scope"],
            access_expires_at=datetime.fromisoformat(plain["access_expires_at"]),
            refresh_expires_at=_moment(plain["refresh_expires_at"]),
            hard_expires_at=_moment(plain["hard_expires_at"]),
        )

    def _opened(self, value: str, context: str) -> str:
        try:
            return self._keys.open(value, context=context).decode()
        except Unreadable as error:
            message = "The stored tokens do not open with the service's encryption keys."
            raise Misconfigured(message, who="operator", fix="Restore the key to ENCRYPTION_KEYS.") from error


def _pending(token_hash: str) -> str:
    return sealed.context("pending_connections", token_hash, "sealed_grant")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
