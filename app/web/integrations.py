"""`/`: a card per provider, and what can be done with a connection: sync, pause, settings, disconnect."""

from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response

from app import connections as journeys
from app.canonical import ProviderName
from app.db import connections, firms, mappings, wakeups
from app.edge.connection_answers import ConnectionAnswer, answer, answers, ask_worker
from app.edge.deps import RuntimeDep
from app.edge.models import PathId
from app.edge.principals import Role
from app.errors import Invalid
from app.providers.registry import SPECS, is_configured
from app.runtime import Runtime
from app.sync import requests
from app.web import health, homes
from app.web.pages import PageRoute, go, page
from app.web.sessions import FormDep, Visitor, VisitorDep, number_of, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
FREQUENCIES = (
    (5, "every 5 minutes"),
    (15, "every 15 minutes"),
    (60, "hourly"),
    (360, "every 6 hours"),
    (1440, "daily"),
)
POLICIES = (
    ("none", "Nothing: what was sent stays as it is there"),
    ("customers", "Changes of customers"),
    ("all", "Changes of customers and of invoices"),
)
SWITCHES = (
    ("invoice_sync_enabled", "Invoices", "Approved invoices are sent, and voided when you void them."),
    ("customer_sync_enabled", "Customers", "Your clients are sent before their first invoice."),
    ("payment_sync_enabled", "Payments", "What was paid there marks your invoices paid."),
    ("journal_sync_enabled", "Journal entries", "Posted journal entries are sent."),
)


@router.get("/")
async def show(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Every provider, connected or not."""
    async with runtime.db.firm(visitor.firm_id) as session:
        rows = await connections.page(session, visitor.firm_id, limit=len(ProviderName))
        known = {one.provider: one for one in await answers(runtime, session, visitor.firm_id, rows)}
        states = health.counted(await mappings.state_counts(session, visitor.firm_id))
        unplaced = await homes.unplaced(session, visitor.firm_id, rows)
    cards = [
        {
            "spec": spec,
            "configured": is_configured(runtime.settings, spec.name),
            "connection": known.get(spec.name),
            "health": _health(known.get(spec.name), states),
        }
        for spec in SPECS.values()
    ]
    return page(request, "integrations.html", visitor, cards=cards, unplaced=unplaced)


@router.post("/connections/{connection_id}/sync")
async def sync_now(connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Send what is owed and fetch what changed; the runs are shown under way."""
    visitor.principal.require(Role.member)
    asking = (runtime.db, visitor.firm_id, connection_id)
    await requests.push_many(*asking, None, None, requested_by=visitor.subject)
    await requests.pull(*asking, kinds=None, date_from=None, date_to=None, requested_by=visitor.subject)
    return go("/activity", "sync")


@router.post("/connections/{connection_id}/pause")
async def pause(connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Stop automatic work on a connection."""
    await _change(runtime, visitor, connection_id, {"sync_enabled": False})
    return go("/", "paused")


@router.post("/connections/{connection_id}/resume")
async def resume(connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Let automatic work go on."""
    await _change(runtime, visitor, connection_id, {"sync_enabled": True})
    return go("/", "resumed")


@router.get("/connections/{connection_id}/settings")
async def settings(request: Request, connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The switches and policies of a connection."""
    async with runtime.db.firm(visitor.firm_id) as session:
        firm = await firms.get(session, visitor.firm_id)
    return page(
        request,
        "connection_settings.html",
        visitor,
        connection=await answer(runtime, visitor.firm_id, connection_id),
        firm=firm,
        frequencies=FREQUENCIES,
        policies=POLICIES,
        switches=SWITCHES,
    )


@router.post("/connections/{connection_id}/settings")
async def save(connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Store them. What is not offered by the form is not changed."""
    changes: dict[str, object] = {name: name in form for name, _, _ in SWITCHES}
    changes["sync_enabled"] = "sync_enabled" in form
    frequency = number_of(form, "frequency_minutes")
    policy, pull = text_of(form, "update_policy"), text_of(form, "customer_pull")
    since = text_of(form, "sync_from")
    if frequency is not None and not 5 <= frequency <= 1440:
        raise Invalid("Sync may run every 5 minutes at most and must run daily.", code="out_of_range")
    if policy and policy not in dict(POLICIES):
        raise Invalid("There is no such policy.", code="not_allowed")
    try:
        changes["sync_from"] = date.fromisoformat(since) if since else None
    except ValueError:
        raise Invalid("The start date is no date.", code="not_a_date") from None
    changes |= {"frequency_minutes": frequency, "update_policy": policy or None}
    changes["customer_pull"] = "create" if pull == "create" else "suggest"
    await _change(runtime, visitor, connection_id, changes)
    return go(f"/connections/{connection_id}/settings", "saved")


@router.get("/connections/{connection_id}/disconnect")
async def disconnecting(request: Request, connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """What disconnecting would do, before it is done."""
    connection = await answer(runtime, visitor.firm_id, connection_id)
    async with runtime.db.firm(visitor.firm_id) as session:
        states = health.counted(await mappings.state_counts(session, visitor.firm_id))
    there = health.there(states.get(connection_id, {}))
    return page(request, "disconnect.html", visitor, connection=connection, there=there)


@router.post("/connections/{connection_id}/disconnect")
async def disconnect(connection_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Give the access back at the provider and erase it here."""
    visitor.principal.require(Role.admin)
    done, _ = await ask_worker(runtime, visitor.principal, connection_id, "disconnect", 10.0)
    return go("/", "disconnected" if done else "disconnecting")


async def _change(runtime: Runtime, visitor: Visitor, connection_id: int, changes: dict[str, object]) -> None:
    visitor.principal.require(Role.admin)
    async with runtime.db.firm(visitor.firm_id) as session:
        await journeys.update_settings(session, visitor.firm_id, connection_id, changes, actor=visitor.subject)
    await wakeups.wake(runtime.db, connection_id)


def _health(connection: ConnectionAnswer | None, states: dict[int, Any]) -> health.Health | None:
    if connection is None:
        return None
    short = {"quickbooks": "QuickBooks", "xero": "Xero"}[connection.provider]
    return health.tell(short, connection.status, states.get(connection.connection_id, {}))
