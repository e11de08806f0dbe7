"""The connect journey: begin, come back from the provider, choose a company.

A state is random, stored as a hash, bound to firm, subject, provider and redirect address, good for ten minutes and
used up by the first who brings it, before its code is exchanged. A journey completes for the browser that began it on
a page of ours (a cookie) or for the principal that began it through the API; to anybody else it is worth nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from app.canonical import ProviderName
from app.connections.attaching import attach
from app.connections.consent import Caller, Consent, expired, held, hold, mismatch, patiently, unknown
from app.connections.returning import checked, with_words
from app.crypto import Unreadable, digest
from app.db import audit, oauth_states, sealed
from app.db.oauth_states import StateRow
from app.errors import AppError, Conflict, Forbidden, Invalid, Misconfigured, ProviderUnavailable
from app.providers import registry
from app.providers.base import CompanyChoice
from app.runtime import Runtime

log = structlog.get_logger(__name__)

STATE_LIVES: Final = timedelta(minutes=10)
# What an authorization endpoint may answer instead of a code (RFC 6749, section 4.1.2.1).
_VENDOR_ERRORS: Final = frozenset(
    {"access_denied", "invalid_scope", "unauthorized_client", "server_error", "temporarily_unavailable"}
)
_LONGEST_STATE: Final = 500


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the state that identifies the journey."""

    authorization_url: str = field(repr=False)
    state_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a provider's redirect carries. `browser` is the secret of the browser's cookie, if it brought one."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    realm_id: str = ""
    browser: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Connected:
    """The journey's good end."""

    connection_id: int


@dataclass(frozen=True, slots=True)
class Choose:
    """The consent opened several companies: bring the token and one of them to `select_company`."""

    selection_token: str = field(repr=False)
    companies: tuple[CompanyChoice, ...]


async def begin(
    runtime: Runtime,
    caller: Caller,
    provider: ProviderName,
    *,
    return_url: str = "",
    caller_state: str = "",
    browser: str = "",
    confirm_company_change: bool = False,
) -> Begun:
    """Start a journey. `browser` is a secret that a page of ours has just put into a cookie; without it the caller's
    credential finishes the journey. `caller_state` comes back on the return address and means nothing to us.

    Raises Invalid (`return_url_not_allowed`) or Misconfigured (`provider_not_configured`).
    """
    oauth = runtime.oauth_of(provider)
    back = checked(runtime.settings, return_url)
    if len(caller_state) > _LONGEST_STATE:
        raise Invalid(f"The state is longer than {_LONGEST_STATE} characters.", code="too_long")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    state_hash = digest(state)
    redirect_uri = registry.redirect_uri(runtime.settings, provider)
    place = sealed.context("oauth_states", state_hash, "sealed_verifier")
    values = {
        "state_hash": state_hash,
        "firm_id": caller.firm_id,
        "provider": provider,
        "subject": caller.subject,
        "redirect_uri": redirect_uri,
        "return_url": back,
        "caller_state": caller_state,
        "browser_hash": digest(browser) if browser else "",
        "sealed_verifier": runtime.keys.seal(verifier.encode(), context=place),
        "confirm_company_change": confirm_company_change,
        "expires_at": runtime.clock() + STATE_LIVES,
    }
    async with runtime.db.firm(caller.firm_id) as session:
        await oauth_states.add_state(session, values)
        await audit.record(
            session, caller.firm_id, actor=caller.subject, action="connect.begun", details={"provider": provider}
        )
    return Begun(oauth.authorization_url(state=state, redirect_uri=redirect_uri, code_verifier=verifier), state)


async def land(runtime: Runtime, arrival: Arrival, provider: ProviderName | None = None) -> str:
    """Take a browser coming back from a provider; returns the address to send it on to, whatever happened.

    The address carries `connection_id`, or a `selection_token`, or a `completion_token` for the principal that began
    through the API, or a `code` that says what went wrong; and the caller's own `state`. `provider` is what the path
    named, None on the path that both share.
    """
    row = await _take(runtime, arrival.state)
    if row is None:
        return with_words("", {"code": "state_invalid"})
    try:
        words = await _arrive(runtime, row, arrival, provider)
    except AppError as error:
        await _note_failure(runtime, row, error)
        words = {"code": error.public_code, "selection_token": str(error.extra.get("selection_token", ""))}
    return with_words(row.return_url, {**words, "state": row.caller_state})


async def complete(
    runtime: Runtime, caller: Caller, arrival: Arrival, *, confirm_company_change: bool = False
) -> Connected | Choose:
    """Finish a journey for the principal that began it and has the provider's `code` in hand.

    Raises Invalid (`state_invalid`, `state_expired`, `state_mismatch`, …), Conflict as `attach`, ProviderError.
    After `company_changed` the same call with the confirmation goes on where it stopped: the consent was kept.
    """
    row = await _take(runtime, arrival.state)
    if row is None:
        if not confirm_company_change:
            raise unknown("state")
        kept = await held(runtime, caller, "selection", state=arrival.state, confirmed=True)
        return await _settle(runtime, kept)
    try:
        if (row.firm_id, row.subject) != (caller.firm_id, caller.subject) or row.browser_hash:
            raise mismatch()
        return await _settle(runtime, await _exchange(runtime, row, arrival, confirmed=confirm_company_change))
    except AppError as error:
        await _note_failure(runtime, row, error)
        raise


async def complete_pending(
    runtime: Runtime, caller: Caller, state: str, completion_token: str, *, confirm_company_change: bool = False
) -> Connected | Choose:
    """Finish a journey whose browser came back to us; raises as `complete`, and Invalid `completion_invalid`."""
    consent = await held(runtime, caller, "completion", token=completion_token, confirmed=confirm_company_change)
    if consent.state_hash != digest(state):
        raise mismatch()
    return await _settle(runtime, consent)


async def select_company(
    runtime: Runtime, caller: Caller, selection_token: str, company_id: str, *, confirm_company_change: bool = False
) -> Connected:
    """Connect one of the companies that a consent opened; raises as `attach`, and Invalid `selection_invalid`."""
    consent = await held(runtime, caller, "selection", token=selection_token, confirmed=confirm_company_change)
    choice = next((one for one in consent.identity.companies if one.external_id == company_id), None)
    if choice is None:
        raise Invalid("The consent did not open this company.", code="company_unknown")
    return Connected(await attach(runtime, consent, choice))


async def _take(runtime: Runtime, state: str) -> StateRow | None:
    async with runtime.db.system() as session:
        return await oauth_states.take_state(session, digest(state))


async def _arrive(
    runtime: Runtime, row: StateRow, arrival: Arrival, provider: ProviderName | None
) -> Mapping[str, str]:
    if provider is not None and row.provider != provider:
        raise mismatch()
    if row.browser_hash and digest(arrival.browser) != row.browser_hash:
        raise mismatch()
    consent = await _exchange(runtime, row, arrival, confirmed=False)
    if not row.browser_hash:
        # Nothing shows that this browser belongs to whoever began: only their credential may finish.
        return {"completion_token": await hold(runtime, consent, "completion")}
    result = await _settle(runtime, consent)
    if isinstance(result, Choose):
        return {"selection_token": result.selection_token}
    return {"connection_id": str(result.connection_id)}


async def _exchange(runtime: Runtime, row: StateRow, arrival: Arrival, *, confirmed: bool) -> Consent:
    """Trade the code, once, for tokens and what they open. Refuses late journeys and reports the vendor's errors."""
    if row.expires_at <= runtime.clock():
        raise expired()
    if arrival.error:
        raise _refused(arrival.error)
    if not arrival.code:
        raise Invalid("The callback brought no authorization code.", code="code_missing")
    provider = ProviderName(row.provider)
    oauth = runtime.oauth_of(provider)
    verifier = _verifier(runtime, row)
    tokens = await patiently(
        lambda: oauth.exchange(code=arrival.code, redirect_uri=row.redirect_uri, code_verifier=verifier)
    )
    identity = await patiently(lambda: oauth.identity(tokens, realm_id=arrival.realm_id or None))
    return Consent(
        caller=Caller(row.firm_id, row.subject),
        provider=provider,
        tokens=tokens,
        identity=identity,
        state_hash=row.state_hash,
        confirmed=confirmed or row.confirm_company_change,
    )


def _verifier(runtime: Runtime, row: StateRow) -> str:
    place = sealed.context("oauth_states", row.state_hash, "sealed_verifier")
    try:
        return runtime.keys.open(row.sealed_verifier, context=place).decode()
    except Unreadable as error:
        message = "The journey was sealed with a key that is not among ENCRYPTION_KEYS any more."
        raise Misconfigured(message, who="operator", fix="Start connecting again.") from error


async def _settle(runtime: Runtime, consent: Consent) -> Connected | Choose:
    companies = consent.identity.companies
    if not companies:
        raise Invalid("The consent opened no company with books.", code="no_company", fix="Start connecting again.")
    if len(companies) > 1:
        return Choose(await hold(runtime, consent, "selection"), companies)
    try:
        return Connected(await attach(runtime, consent, companies[0]))
    except Conflict as error:
        if error.public_code == "company_changed" and consent.pending_id is None:
            # Kept, so that confirming needs no second consent.
            error.extra = {**error.extra, "selection_token": await hold(runtime, consent, "selection")}
        raise


def _refused(vendor_code: str) -> AppError:
    code = vendor_code if vendor_code in _VENDOR_ERRORS else "provider_error"
    if code == "access_denied":
        return Forbidden("The consent was declined on the provider's page.", code=code, fix="Start connecting again.")
    if code in {"server_error", "temporarily_unavailable"}:
        return ProviderUnavailable("The provider could not ask for consent at the moment.", code=code)
    return Invalid("The provider refused to ask for consent.", code=code, who="operator")


async def _note_failure(runtime: Runtime, row: StateRow, error: AppError) -> None:
    log.warning("connect_failed", firm_id=row.firm_id, provider=row.provider, error=error.public_code)
    async with runtime.db.firm(row.firm_id) as session:
        await audit.record(
            session,
            row.firm_id,
            actor=row.subject,
            action="connect.failed",
            details={"provider": row.provider, "reason": error.public_code},
        )
