"""What token endpoints answer, read strictly: a token set or a refusal. Pure; no request is sent from here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

import jwt

from app.errors import Misconfigured, ProviderUnavailable
from app.providers.jsontext import loads

_OPERATORS_FAULT = frozenset({"invalid_client", "unauthorized_client"})
_LONGEST = 100 * 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """One answer of a token endpoint. Expiries count from before the request was sent, so they err on the early side.

    `hard_expires_at` is the end of the whole chain, which no refresh moves (Intuit: five years after the consent).
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_type: str
    scope: str
    access_expires_at: datetime
    refresh_expires_at: datetime | None
    hard_expires_at: datetime | None


class Refusal(Exception):
    """An OAuth endpoint said anything but yes; `error` is its parsed RFC 6749 code, empty if it gave none."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        code = json_object(body).get("error")
        self.status = status
        self.error = code if isinstance(code, str) else ""
        self.retry_after = _lifetime(headers.get("Retry-After"))
        # Only codes of the standards go into the message: a server may echo what it was sent.
        known = self.error if self.error.startswith(("invalid_", "unauthorized_", "unsupported_")) else ""
        super().__init__(f"HTTP {status} {known}".strip())

    @property
    def is_invalid_grant(self) -> bool:
        """The code or token is used up, expired, revoked or foreign, in the server's own words."""
        return 400 <= self.status < 500 and self.error == "invalid_grant"

    @property
    def is_operators_fault(self) -> bool:
        """Our client id or secret is wrong. Intuit's 401 may come without a readable body."""
        names_us = self.error in _OPERATORS_FAULT or self.status == HTTPStatus.UNAUTHORIZED
        return 400 <= self.status < 500 and names_us and not self.is_invalid_grant

    @property
    def means_unknown_token(self) -> bool:
        """A revocation endpoint does not know the token: it is revoked already."""
        return self.status == HTTPStatus.BAD_REQUEST and not self.is_operators_fault

    @property
    def may_have_acted(self) -> bool:
        """A server error, or a success that cannot be read: the code may be used up."""
        return self.status >= 500 or self.status < 300

    def raise_if_operators_fault(self) -> None:
        """Raise Misconfigured where reconnecting would not help."""
        if self.is_operators_fault:
            message = "The provider does not accept this service's client id and secret."
            raise Misconfigured(message, who="operator", fix="Check them in the settings.") from self

    def as_unavailable(self) -> ProviderUnavailable:
        """The error for an answer after which the same request may be tried again."""
        error = ProviderUnavailable(f"The provider's authorization server did not answer as expected ({self}).")
        error.retry_after = self.retry_after
        return error


def json_object(body: bytes) -> Mapping[str, object]:
    """The JSON object in `body`; empty for anything else, HTML included."""
    try:
        answer = loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def json_objects(body: bytes) -> list[Mapping[str, object]] | None:
    """The JSON objects of the list in `body`; None where it holds no list."""
    try:
        answer = loads(body)
    except ValueError:
        return None
    return [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else None


def is_token(status: int, answer: Mapping[str, object]) -> bool:
    """Whether an answer surely carries a usable access token."""
    access_token = answer.get("access_token")
    has_token = isinstance(access_token, str) and bool(access_token)
    return status == HTTPStatus.OK and has_token and _lifetime(answer.get("expires_in")) is not None


def read_token_set(
    answer: Mapping[str, object], *, started: datetime, scopes: str, refresh_lifetime: timedelta | None
) -> TokenSet:
    """The token set of an answer that passed `is_token` and holds a refresh token.

    `refresh_lifetime` counts where the answer gives no `x_refresh_token_expires_in`; `scopes`, the ones asked for,
    where it names none (RFC 6749, section 5.1).
    """
    refresh_left = _lifetime(answer.get("x_refresh_token_expires_in"))
    if refresh_left is None:
        refresh_left = refresh_lifetime
    hard_left = _lifetime(answer.get("x_refresh_token_hard_expires_in"))
    return TokenSet(
        access_token=str(answer["access_token"]),
        refresh_token=str(answer["refresh_token"]),
        token_type=str(answer.get("token_type") or "Bearer"),
        scope=str(answer.get("scope") or scopes),
        access_expires_at=started + (_lifetime(answer["expires_in"]) or timedelta(0)),
        refresh_expires_at=None if refresh_left is None else started + refresh_left,
        hard_expires_at=None if hard_left is None else started + hard_left,
    )


def read_claims(access_token: str) -> Mapping[str, str]:
    """The text claims of an access token that is a JWT (Xero). Raises ProviderUnavailable if it is none.

    The signature is not checked: the token came straight from the token endpoint over TLS, and no access is granted
    on what it says.
    """
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise ProviderUnavailable("The provider's access token could not be read.") from error
    return {name: value for name, value in claims.items() if isinstance(value, str)}


def _lifetime(value: object) -> timedelta | None:
    """Whole seconds given as a JSON number or as digits; None for anything else, absurd lengths included."""
    seconds = (
        int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 else value
    )
    if isinstance(seconds, int) and not isinstance(seconds, bool) and abs(seconds) <= _LONGEST:
        return timedelta(seconds=seconds)
    return None
