"""The last step of a journey: a consent and a company become the firm's connection."""

import structlog

from app.canonical import ProviderName
from app.connections.companies import Established, environment_of, stored
from app.connections.consent import Consent, ConsentTokens, patiently, unknown
from app.connections.ending import unlink
from app.db import audit, connections, oauth_states, runs, wakeups
from app.db.connections import ConnectionRow
from app.db.cures import Cure, cured
from app.db.session import Session
from app.errors import Conflict, Invalid, Misconfigured, NeedsReauth, ProviderRejected
from app.providers.base import CompanyChoice
from app.providers.http import Meter
from app.runtime import Runtime

log = structlog.get_logger(__name__)


async def attach(runtime: Runtime, consent: Consent, choice: CompanyChoice) -> int:
    """Connect the firm to the company; returns the connection's id, that of before where the company is the same.

    Raises Conflict: `company_connected_elsewhere`, or `company_changed` while the firm is connected to another company
    and nobody confirmed the change. Raises Invalid `company_mismatch` when the consent does not open the company. The
    consent stays where it waited in all these cases. Revoking it would be wrong: at both providers that could end a
    connection which another firm has to the same company.
    """
    await _refuse_unconfirmed(runtime, consent, choice)
    company = await _confirmed(runtime, consent, choice)
    # After the proof, or anybody could ask which companies are connected here by writing their ids into the callback.
    await _refuse_elsewhere(runtime, consent, choice)
    grant_id = await runtime.vault.store(consent.tokens, consent.identity, consent.provider)
    try:
        async with runtime.db.firm(consent.caller.firm_id) as session:
            connection_id, replaced = await _write(runtime, session, consent, choice, company, grant_id)
    except (Conflict, Invalid):
        await runtime.vault.erase_unused(grant_id)
        raise
    for old in replaced:
        await _give_up(runtime, old, choice, grant_id)
    await wakeups.wake(runtime.db, connection_id)
    return connection_id


async def _refuse_elsewhere(runtime: Runtime, consent: Consent, choice: CompanyChoice) -> None:
    async with runtime.db.system() as session:
        if await connections.connected_elsewhere(session, consent.caller.firm_id, consent.provider, choice.external_id):
            raise connections.elsewhere()


async def _refuse_unconfirmed(runtime: Runtime, consent: Consent, choice: CompanyChoice) -> None:
    async with runtime.db.firm(consent.caller.firm_id) as session:
        present = await connections.live(session, consent.caller.firm_id, consent.provider)
    if present is not None:
        _guard(present, consent, choice)


def _guard(present: ConnectionRow, consent: Consent, choice: CompanyChoice) -> None:
    if present.company_id == choice.external_id or consent.confirmed:
        return
    connected, chosen = present.company_name or present.company_id, choice.name or choice.external_id
    raise Conflict(
        f"You are connected to “{connected}” and are about to connect “{chosen}” instead.",
        code="company_changed",
        who="admin",
        fix="Repeat with confirm_company_change if you mean it, or choose the company of before.",
        extra={
            "connected_company": {"id": present.company_id, "name": present.company_name},
            "chosen_company": {"id": choice.external_id, "name": choice.name},
        },
    )


async def _confirmed(runtime: Runtime, consent: Consent, choice: CompanyChoice) -> Established:
    """Read the company with the consent's own token: QuickBooks' realm id came by the browser and proves nothing."""
    provider = runtime.company(consent.provider, choice.external_id, ConsentTokens(consent.tokens), Meter())
    try:
        company = await patiently(provider.company)
    except (NeedsReauth, Misconfigured, ProviderRejected) as error:
        # Intuit answers a token of another company exactly as it answers keys of another environment (403, 3100).
        log.warning("company_not_opened", provider=consent.provider, error=error.public_code)
        raise _not_this_company() from error
    if company.external_id != choice.external_id:
        raise _not_this_company()
    return stored(company)


def _not_this_company() -> Invalid:
    return Invalid(
        "The consent does not open the company that the callback names.",
        code="company_mismatch",
        fix="Start connecting again and choose the company on the provider's page. If that does not help, the"
        " application's keys may belong to the provider's other environment (sandbox or production).",
    )


async def _write(
    runtime: Runtime,
    session: Session,
    consent: Consent,
    choice: CompanyChoice,
    company: Established,
    grant_id: int,
) -> tuple[int, list[ConnectionRow]]:
    """All rows of it in one transaction; returns the connection's id and the connections whose grants it replaced."""
    caller = consent.caller
    if consent.pending_id is not None and not await oauth_states.take_pending(
        session, caller.firm_id, consent.pending_id
    ):
        raise unknown("selection")
    replaced = []
    for row in await connections.lock_provider(session, caller.firm_id, consent.provider):
        if row.status != "revoked" and row.company_id != choice.external_id:
            _guard(row, consent, choice)
            await connections.revoke(session, caller.firm_id, row.id)
            await audit.record(
                session,
                caller.firm_id,
                actor=caller.subject,
                action="connection.replaced",
                subject=f"connection:{row.id}",
                details={"by_company": choice.external_id},
            )
        elif row.company_id != choice.external_id or row.grant_id == grant_id:
            continue
        if row.grant_id is not None:
            replaced.append(row)
    values = {
        "grant_id": grant_id,
        "subject": caller.subject,
        "company_name": company.name or choice.name,
        "link_id": choice.link_id,
        "environment": environment_of(runtime.settings, consent.provider),
        "company": company.facts,
        "readiness": company.readiness,
    }
    connection_id = await connections.connect(session, caller.firm_id, consent.provider, choice.external_id, values)
    await runs.read_all_again(session, caller.firm_id, connection_id)
    cures = (Cure.reconnected, Cure.company_changed)
    await cured(session, caller.firm_id, cures, connection_id=connection_id)
    await audit.record(
        session,
        caller.firm_id,
        actor=caller.subject,
        action="connection.connected",
        subject=f"connection:{connection_id}",
        details={"provider": consent.provider, "company_id": choice.external_id},
    )
    return connection_id, replaced


async def _give_up(runtime: Runtime, old: ConnectionRow, choice: CompanyChoice, grant_id: int) -> None:
    """Let go of a grant that this consent replaced.

    The same company: only forget it, since revoking the old token at Intuit would end the new consent too. Another
    company: end it at the provider as a disconnect does. A Xero user's shared grant stays while anybody uses it.
    """
    if old.company_id == choice.external_id:
        await runtime.vault.erase_unused(old.grant_id)
        return
    await unlink(runtime, ProviderName(old.provider), old.grant_id, old.link_id)
    if old.grant_id != grant_id:
        await runtime.vault.release(old.grant_id)
