"""Pushing and pulling on demand: the routes of both documents of the brief, over the same requests."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from app.books.inputs import Day
from app.canonical import Kind, ProviderName
from app.db import clients, invoices, mappings, owners, runs, status
from app.db.mappings import EVERYTHING, Part
from app.db.session import Session
from app.edge.deps import FirmSession, Member, RuntimeDep, Viewer
from app.edge.models import PathId, Provider, check_order
from app.edge.principals import Principal
from app.edge.problems import later, may_raise
from app.edge.sync_answers import mapping_answer, preferred_wait, run_answer
from app.edge.sync_bodies import (
    CustomerSynced,
    InvoiceSynced,
    PaymentsSynced,
    Pulled,
    PullRange,
    PushBody,
    Pushed,
    PushFilter,
    StatusAnswer,
    SyncCustomer,
    SyncInvoice,
    SyncPayments,
)
from app.edge.waiting import wait_for_run
from app.errors import Conflict, Fault, Forbidden, Invalid, NotConnected, NotFound, ProviderRejected, Unauthenticated
from app.providers.registry import SPECS
from app.runtime import Runtime
from app.sync import requests
from app.sync.calendar import followed

router = APIRouter(tags=["sync"], responses=may_raise(Unauthenticated, Forbidden, Invalid))
UNDER_WAY = ("pending", "in_flight", "unknown")  # also after its run: edited meanwhile, or owed until a reconnect
A = "/api/v1/accounting/connections/{connection_id}"
_ONE = (NotFound, NotConnected, Conflict)
_ALL = (NotConnected, Conflict)


@router.post(A + "/sync_invoice", operation_id="connection_sync_invoice", responses=later(InvoiceSynced, *_ONE))
async def sync_invoice(
    connection_id: PathId, body: SyncInvoice, request: Request, runtime: RuntimeDep, principal: Member
) -> InvoiceSynced:
    """Push one invoice, its customer first where needed. A synced one is answered at once, without a call."""
    async with runtime.db.firm(principal.firm_id) as session:
        invoice_id = await _invoice_id(session, principal.firm_id, body)
    answer = await _sync_one(runtime, request, principal, connection_id, Kind.invoice, invoice_id)
    return InvoiceSynced.model_validate(answer) if isinstance(answer, dict) else answer


@router.post(A + "/sync_customer", operation_id="connection_sync_customer", responses=later(CustomerSynced, *_ONE))
async def sync_customer(
    connection_id: PathId, body: SyncCustomer, request: Request, runtime: RuntimeDep, principal: Member
) -> CustomerSynced:
    """Push one client. A synced one is answered at once, without a call."""
    async with runtime.db.firm(principal.firm_id) as session:
        client_id = await _client_id(session, principal.firm_id, body)
    answer = await _sync_one(runtime, request, principal, connection_id, Kind.customer, client_id)
    return CustomerSynced.model_validate(answer) if isinstance(answer, dict) else answer


async def _sync_one(
    runtime: Runtime, request: Request, principal: Principal, connection_id: int, kind: Kind, record_id: int
) -> Any:
    asked = await requests.push_one(
        runtime.db, principal.firm_id, connection_id, kind, record_id, requested_by=principal.subject
    )
    run = None
    if asked.run_id is not None:
        run = await wait_for_run(runtime.db, principal.firm_id, asked.run_id, preferred_wait(request))
    if run is not None and run.state == "failed":
        raise Conflict(run.error.get("detail", "The push failed."), code=run.error.get("code", "push_failed"))
    async with runtime.db.firm(principal.firm_id) as session:
        mapping = await mappings.get(session, principal.firm_id, kind, asked.asked[0].mapping_id)
        if asked.run_id is not None and (run is None or mapping.state in UNDER_WAY):
            going_on = await runs.get(session, principal.firm_id, asked.run_id)
            body = {"success": None, "mapping": mapping_answer(kind, mapping), "run": run_answer(going_on)}
            model = InvoiceSynced if kind is Kind.invoice else CustomerSynced
            return JSONResponse(model.model_validate(body).model_dump(mode="json"), status_code=202)
    shown = mapping_answer(kind, mapping)
    if mapping.sync_status != "synced":
        raise _refused(mapping, shown.model_dump(mode="json"), kind, record_id)
    return {"success": True, "mapping": shown, "already_synced": asked.run_id is None}


def _refused(mapping: Any, shown: dict[str, Any], kind: Kind, record_id: int) -> ProviderRejected:
    known = {name: mapping.fault.get(name, "") for name in ("code", "message", "who", "fix", "vendor_message")}
    known["message"] = known["message"] or mapping.sync_error
    fault = Fault(**{**known, "code": known["code"] or mapping.state, "who": known["who"] or "bookkeeper"})
    error = ProviderRejected([fault])
    error.record = {"kind": kind.value, "id": record_id}
    error.retries_itself = mapping.state == "waiting"
    error.extra = {"success": False, "mapping": shown}
    return error


@router.post(A + "/sync_payments", operation_id="connection_sync_payments", responses=later(PaymentsSynced, *_ONE))
async def sync_payments(
    connection_id: PathId,
    request: Request,
    response: Response,
    runtime: RuntimeDep,
    principal: Member,
    body: SyncPayments | None = None,
) -> PaymentsSynced:
    """Pull payments and bring our invoices' status up to date."""
    days = body or SyncPayments()
    async with runtime.db.firm(principal.firm_id) as session:
        provider = ProviderName((await owners.connection(session, principal.firm_id, connection_id)).provider)
    kinds = SPECS[provider].capabilities.payment_sources
    run, finished = await _pull(runtime, request, principal, connection_id, days.date_from, days.date_to, kinds)
    if not finished:
        response.status_code = 202
        return PaymentsSynced(success=None, payment_count=None, run=run_answer(run))
    return PaymentsSynced(success=True, payment_count=run.counts.get("payments", 0), run=run_answer(run))


@router.post("/api/sync/{provider}/pull", operation_id="sync_pull", responses=later(Pulled, *_ALL))
async def pull(
    provider: Provider,
    request: Request,
    response: Response,
    runtime: RuntimeDep,
    principal: Member,
    date_from: Day | None = None,
    date_to: Day | None = None,
    body: PullRange | None = None,
) -> Pulled:
    """Pull what changed at the provider: payments and bank transactions, or the named kinds.

    Days may come in the query or the body. With days, that window is read again as a whole.
    """
    days = body or PullRange()
    connection_id = await requests.connection_of(runtime.db, principal.firm_id, provider)
    start, end = date_from or days.date_from, date_to or days.date_to
    kinds = [Kind(kind) for kind in dict.fromkeys(days.kinds)] if days.kinds else _what_moved(provider)
    run, finished = await _pull(runtime, request, principal, connection_id, start, end, kinds)
    response.status_code = 200 if finished else 202
    return _pulled(provider, run)


@router.post("/api/sync/{provider}/push", operation_id="sync_push", responses=later(Pushed, *_ALL))
async def push(
    provider: Provider,
    request: Request,
    response: Response,
    runtime: RuntimeDep,
    principal: Member,
    body: PushBody | None = None,
) -> Pushed:
    """Push what is owed at the provider, a part of it, or the named records. A bare list names journal entries."""
    asked_for = PushFilter(kind="journal_entry", ids=body) if isinstance(body, list) else body or PushFilter()
    part = asked_for.filter
    if part is not None:
        check_order("date_from", part.date_from, "date_to", part.date_to)
    connection_id = await requests.connection_of(runtime.db, principal.firm_id, provider)
    asked = await requests.push_many(
        runtime.db,
        principal.firm_id,
        connection_id,
        [Kind(asked_for.kind)] if asked_for.kind else None,
        asked_for.ids,
        part=Part(**part.model_dump()) if part is not None else EVERYTHING,
        requested_by=principal.subject,
    )
    return await _pushed(runtime, request, response, principal, provider, asked.run_id or 0)


async def _pushed(
    runtime: Runtime, request: Request, response: Response, principal: Principal, provider: ProviderName, run_id: int
) -> Pushed:
    finished = await wait_for_run(runtime.db, principal.firm_id, run_id, preferred_wait(request))
    async with runtime.db.firm(principal.firm_id) as session:
        run = finished or await runs.get(session, principal.firm_id, run_id)
        failed = await status.failures(session, principal.firm_id, run_id)
    response.status_code = 202 if finished is None else 200
    count = run.counts.get("pushed", 0)
    verb = "Pushed" if finished else "So far pushed"
    message = f"{verb} {count} records to {SPECS[provider].display}."
    return Pushed(message=message, pushed=count, errors=failed, run=run_answer(run))


async def _pull(
    runtime: Runtime,
    request: Request,
    principal: Principal,
    connection_id: int,
    start: date | None,
    end: date | None,
    kinds: Sequence[Kind] | None = None,
) -> tuple[Any, bool]:
    check_order("date_from", start, "date_to", end)
    run_id = await requests.pull(
        runtime.db,
        principal.firm_id,
        connection_id,
        kinds=kinds,
        date_from=start.isoformat() if start else None,
        date_to=end.isoformat() if end else None,
        requested_by=principal.subject,
    )
    run = await wait_for_run(runtime.db, principal.firm_id, run_id, preferred_wait(request))
    if run is not None and run.state == "failed":
        raise Conflict(run.error.get("detail", "The pull failed."), code=run.error.get("code", "pull_failed"))
    if run is not None:
        return run, True
    async with runtime.db.firm(principal.firm_id) as session:
        return await runs.get(session, principal.firm_id, run_id), False


def _what_moved(provider: ProviderName) -> list[Kind]:
    """What tells of money: payments wherever they show, invoices, and bank transactions."""
    return [*followed(SPECS[provider].capabilities), Kind.bank_transaction]


def _pulled(provider: ProviderName, run: Any) -> Pulled:
    payments, transactions = run.counts.get("payments", 0), run.counts.get("transactions", 0)
    imported, updated = payments + transactions, run.counts.get("changed", 0)
    message = f"Pulled {payments} payments and {transactions} bank transactions from {SPECS[provider].display}."
    return Pulled(message=message, imported=imported, updated=updated, run=run_answer(run))


async def _invoice_id(session: Session, firm_id: int, body: SyncInvoice) -> int:
    ids = [body.invoice_id] if body.invoice_id else []
    refs = [body.invoice_ref] if body.invoice_ref else []
    return _the_one("invoice", await invoices.named(session, firm_id, ids, refs))


async def _client_id(session: Session, firm_id: int, body: SyncCustomer) -> int:
    ids = [body.client_id] if body.client_id else []
    refs = [body.client_ref] if body.client_ref else []
    return _the_one("client", await clients.named(session, firm_id, ids, refs))


def _the_one(what: str, rows: Any) -> int:
    if not rows:
        raise NotFound(f"There is no such {what}.", record={"kind": what})
    return int(rows[0].id)


@router.get("/api/sync/status", operation_id="sync_status")
async def sync_status(session: FirmSession, principal: Viewer) -> StatusAnswer:
    """What is under way, what is owed, and that every accepted change has one disposition."""
    found = await status.overview(session, principal.firm_id)
    return StatusAnswer(
        runs=[run_answer(run) for run in found.runs],
        owed=list(found.owed),
        dispositions=dict(found.dispositions),
        success=dict(found.success),
        webhooks=dict(found.webhooks),
    )


@router.post(
    "/api/integrations/{provider}/sync",
    operation_id="integration_sync",
    tags=["integrations"],
    responses=may_raise(*_ALL),
)
async def integration_sync(
    provider: Provider,
    runtime: RuntimeDep,
    principal: Member,
    direction: Annotated[Literal["pull", "push"] | None, Query()] = None,
) -> dict[str, Any]:
    """Ask for a push, a pull, or both; answers with the runs at once."""
    connection_id = await requests.connection_of(runtime.db, principal.firm_id, provider)
    started: dict[str, int] = {}
    if direction in (None, "push"):
        asked = await requests.push_many(
            runtime.db,
            principal.firm_id,
            connection_id,
            None,
            None,
            requested_by=principal.subject,
        )
        started["push"] = asked.run_id or 0
    if direction in (None, "pull"):
        started["pull"] = await requests.pull(
            runtime.db,
            principal.firm_id,
            connection_id,
            kinds=None,
            date_from=None,
            date_to=None,
            requested_by=principal.subject,
        )
    return {"service": SPECS[provider].alias, "message": "Synchronisation has begun.", "runs": started}
