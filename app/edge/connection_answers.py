"""How connections look on the wire, and asking a worker to act on one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from app.canonical import ProviderName
from app.connections import Choose, Connected
from app.db import connections, runs, wakeups
from app.db.connections import ConnectionRow, Owed
from app.db.session import Session
from app.edge.models import Answer, Moment
from app.edge.principals import Principal
from app.edge.sync_answers import RunAnswer
from app.edge.waiting import wait_for_run
from app.errors import Conflict
from app.governor import public_budget
from app.providers.registry import SPECS
from app.runtime import Runtime
from app.vault import GrantFacts

Status = Literal["active", "expired", "revoked", "error"]


class CheckAnswer(Answer):
    """One tick or cross of the readiness; `level` is ok, warning or problem."""

    code: str
    level: str
    message: str
    fix: str = ""
    link: str = ""


class ConnectionAnswer(Answer):
    """A firm's connection to one company's books. It never holds a token.

    `owed` counts our records that have not reached the provider, `oldest_owed_at` since when the oldest waits.
    """

    connection_id: int
    firm: int
    user: str = Field(description="Who consented.")
    provider: ProviderName
    provider_display: str
    provider_company_id: str
    provider_company_name: str
    provider_metadata: dict[str, Any]
    environment: str
    status: Status
    error_code: str
    error_message: str
    token_expires_at: Moment | None
    scopes: list[str]
    sync_enabled: bool
    invoice_sync_enabled: bool
    payment_sync_enabled: bool
    customer_sync_enabled: bool
    journal_sync_enabled: bool
    last_invoice_sync_at: Moment | None
    last_payment_sync_at: Moment | None
    last_customer_sync_at: Moment | None
    last_journal_sync_at: Moment | None
    frequency_minutes: int | None
    update_policy: str | None
    customer_pull: str
    sync_from: date | None
    frequencies: dict[str, int]
    next_nightly_at: Moment | None
    readiness: list[CheckAnswer]
    owed: int
    oldest_owed_at: Moment | None
    next_run_at: Moment | None
    budget: dict[str, Any]
    connected_at: Moment
    revoked_at: Moment | None
    created_at: Moment
    updated_at: Moment


class CompanyAnswer(Answer):
    """A company that a consent opened."""

    id: str
    name: str


class SelectionAnswer(Answer):
    """The consent opened several companies: choose one with `select_company`, within ten minutes."""

    selection_token: str
    companies: list[CompanyAnswer]


class BegunAnswer(Answer):
    """Send the browser to `authorization_url`; `state_token` finishes the journey."""

    authorization_url: str
    state_token: str


class ConnectionAsked(Answer):
    """The worker has not finished within the wait; `run` tells whether it goes on."""

    connection: ConnectionAnswer
    run: RunAnswer


async def answers(
    runtime: Runtime, session: Session, firm_id: int, rows: Sequence[ConnectionRow]
) -> list[ConnectionAnswer]:
    """Connections with what is owed on them and what may be shown of their grants."""
    owed = await connections.owed(session, firm_id, [row.id for row in rows])
    facts = await runtime.vault.facts([row.grant_id for row in rows if row.grant_id is not None])
    return [_answer(row, owed.get(row.id, Owed()), facts, runtime.clock()) for row in rows]


async def answer(runtime: Runtime, firm_id: int, connection_id: int) -> ConnectionAnswer:
    """One connection as it stands now. Raises NotFound."""
    async with runtime.db.firm(firm_id) as session:
        row = await connections.get(session, firm_id, connection_id)
        return (await answers(runtime, session, firm_id, [row]))[0]


async def ended(runtime: Runtime, firm_id: int, result: Connected | Choose) -> ConnectionAnswer | SelectionAnswer:
    """The end of a journey: the connection, or the companies to choose from."""
    if isinstance(result, Connected):
        return await answer(runtime, firm_id, result.connection_id)
    companies = [CompanyAnswer(id=one.external_id, name=one.name) for one in result.companies]
    return SelectionAnswer(selection_token=result.selection_token, companies=companies)


async def ask_worker(
    runtime: Runtime, principal: Principal, connection_id: int, action: str, seconds: float
) -> tuple[bool, runs.RunRow]:
    """Ask for interactive work on a connection and wait: whether it is done, and its run. Raises Conflict if not."""
    async with runtime.db.firm(principal.firm_id) as session:
        await connections.get(session, principal.firm_id, connection_id)
        run_id = await runs.request(
            session,
            principal.firm_id,
            connection_id,
            action,
            priority=runs.INTERACTIVE,
            requested_by=principal.subject,
        )
    await wakeups.wake(runtime.db, connection_id)
    run = await wait_for_run(runtime.db, principal.firm_id, run_id, seconds)
    if run is None:
        async with runtime.db.firm(principal.firm_id) as session:
            return False, await runs.get(session, principal.firm_id, run_id)
    if run.state != "done":
        error = run.error
        raise Conflict(
            str(error.get("detail") or "The provider did not let us do this."),
            code=str(error.get("code") or f"{action}_failed"),
            who=str(error.get("who", "")),
            fix=str(error.get("fix", "")),
            record={"kind": "connection", "id": connection_id},
        )
    return True, run


def _answer(row: ConnectionRow, owed: Owed, facts: Mapping[int, GrantFacts], now: datetime) -> ConnectionAnswer:
    spec = SPECS[ProviderName(row.provider)]
    grant = facts.get(row.grant_id)
    metadata = {name: value for name, value in row.company.items() if name not in {"checks", "external_id", "name"}}
    return ConnectionAnswer.model_validate(
        {
            **row._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
            "connection_id": row.id,
            "firm": row.firm_id,
            "user": row.subject,
            "provider_display": spec.display,
            "provider_company_id": row.company_id,
            "provider_company_name": row.company_name,
            "provider_metadata": metadata,
            "token_expires_at": grant.access_expires_at if grant else None,
            "scopes": grant.scope.split() if grant else [],
            "owed": owed.count,
            "oldest_owed_at": owed.oldest_at,
            "next_run_at": row.next_sync_at if row.status == "active" and row.sync_enabled else None,
            "budget": public_budget(row.budget, spec.capabilities.limits, now.timestamp()),
        }
    )
