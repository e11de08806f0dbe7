"""A fresh consent on its way to becoming a connection, and how it waits, sealed, for a person."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeVar

from app.canonical import ProviderName
from app.crypto import digest
from app.db import oauth_states
from app.db.base import Json
from app.db.oauth_states import PendingRow
from app.errors import Invalid, NeedsReauth, ProviderUnavailable
from app.providers.base import CompanyChoice, Identity
from app.providers.oauth import TokenSet
from app.runtime import Runtime

Purpose = Literal["completion", "selection"]
WAITS: Final[dict[Purpose, timedelta]] = {"completion": timedelta(minutes=30), "selection": timedelta(minutes=10)}
_PAUSES: Final = (0.3, 1.0)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is connecting: a subject (user or key) of a firm."""

    firm_id: int
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the provider gave for one journey, and whose journey it is."""

    caller: Caller
    provider: ProviderName
    tokens: TokenSet
    identity: Identity
    state_hash: str
    confirmed: bool
    pending_id: int | None = None


@dataclass(frozen=True, slots=True)
class ConsentTokens:
    """A `TokenSource` over a consent that is not stored yet."""

    tokens: TokenSet

    async def access_token(self, *, rejected: str | None = None) -> str:
        """The consent's own token. Raises NeedsReauth when it was just refused: there is nothing newer."""
        if rejected is not None:
            raise NeedsReauth("The provider does not accept the consent it has just given.")
        return self.tokens.access_token


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the provider again where nothing was done and a person is waiting; twice, within two seconds."""
    for pause in _PAUSES:
        try:
            return await ask()
        except ProviderUnavailable:
            await asyncio.sleep(pause)
    return await ask()


async def hold(runtime: Runtime, consent: Consent, purpose: Purpose) -> str:
    """Seal a consent until its principal comes; returns the token he has to bring. It replaces the row it came from.

    Raises Invalid when that row is gone: somebody else finished this journey.
    """
    token = secrets.token_urlsafe(32)
    token_hash = digest(token)
    values = {
        "firm_id": consent.caller.firm_id,
        "provider": consent.provider,
        "subject": consent.caller.subject,
        "purpose": purpose,
        "token_hash": token_hash,
        "state_hash": consent.state_hash,
        "sealed_grant": runtime.vault.seal_pending(consent.tokens, token_hash),
        "identity": _identity_json(consent.identity),
        "confirm_company_change": consent.confirmed,
        "expires_at": runtime.clock() + WAITS[purpose],
    }
    async with runtime.db.firm(consent.caller.firm_id) as session:
        if consent.pending_id is not None and not await oauth_states.take_pending(
            session, consent.caller.firm_id, consent.pending_id
        ):
            raise unknown(purpose)
        await oauth_states.add_pending(session, values)
    return token


async def held(
    runtime: Runtime,
    caller: Caller,
    purpose: Purpose,
    *,
    token: str | None = None,
    state: str | None = None,
    confirmed: bool = False,
) -> Consent:
    """The consent that waits for this caller under a token, or under the state it came from; it stays until used.

    Raises Invalid: `<purpose>_invalid` (unknown, used, another firm's), `state_expired`, `state_mismatch`.
    """
    async with runtime.db.firm(caller.firm_id) as session:
        row = await oauth_states.find_pending(
            session,
            caller.firm_id,
            purpose,
            token_hash=None if token is None else digest(token),
            state_hash=None if state is None else digest(state),
        )
    if row is None:
        raise unknown(purpose)
    if row.subject != caller.subject:
        raise mismatch()
    if row.expires_at <= runtime.clock():
        raise expired()
    return Consent(
        caller=caller,
        provider=ProviderName(row.provider),
        tokens=runtime.vault.open_pending(row.sealed_grant, row.token_hash),
        identity=_identity(row),
        state_hash=row.state_hash,
        confirmed=confirmed or row.confirm_company_change,
        pending_id=row.id,
    )


def unknown(what: str) -> Invalid:
    """The refusal of a state or token that was never given out, is used up, or belongs to another firm."""
    return Invalid(
        "This connect journey is unknown or already finished.",
        code=f"{what}_invalid",
        fix="Look whether the connection is there; otherwise start connecting again.",
    )


def mismatch() -> Invalid:
    """The refusal of a journey that arrives at another provider, browser or principal than it began with."""
    return Invalid(
        "This connect journey was begun by somebody else, in another browser or for another provider.",
        code="state_mismatch",
        fix="Start connecting again.",
    )


def expired() -> Invalid:
    """The refusal of a journey that took too long."""
    return Invalid("This connect journey took too long.", code="state_expired", fix="Start connecting again.")


def _identity_json(identity: Identity) -> Json:
    return {
        "provider_user": identity.provider_user,
        "consent_id": identity.consent_id,
        "companies": [
            {"external_id": one.external_id, "name": one.name, "link_id": one.link_id} for one in identity.companies
        ],
    }


def _identity(row: PendingRow) -> Identity:
    return Identity(
        provider_user=row.identity["provider_user"],
        consent_id=row.identity["consent_id"],
        companies=tuple(CompanyChoice(**one) for one in row.identity["companies"]),
    )
