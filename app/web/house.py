"""`/settings`: the firm, its API keys, who did what, and what the vendors told us."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from app.books import firm
from app.canonical import ProviderName
from app.db import analytics, api_keys, audit, connections, firms, inbox, wakeups
from app.db.reading import Reads
from app.edge import keys
from app.edge.deps import RuntimeDep
from app.edge.models import PathId
from app.edge.principals import Role
from app.errors import Invalid
from app.runtime import Runtime
from app.sync import replaying
from app.web import tables
from app.web.integrations import FREQUENCIES, POLICIES
from app.web.pages import PageRoute, go, page
from app.web.sessions import ZONES, FormDep, Visitor, VisitorDep, ids_of, number_of, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_GRACE: Final = timedelta(hours=1)
_LONGEST_NAME: Final = 200
_EVENT_STATES: Final = ("pending", "done", "ignored", "parked")


@router.get("/settings")
async def show(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The firm and its defaults."""
    async with runtime.db.firm(visitor.firm_id) as session:
        row = await firms.get(session, visitor.firm_id)
        companies = await connections.page(session, visitor.firm_id, limit=len(ProviderName))
    return page(
        request,
        "firm.html",
        visitor,
        firm=row,
        companies=companies,
        zones=sorted(ZONES),
        frequencies=FREQUENCIES,
        policies=POLICIES,
    )


@router.post("/settings")
async def save(runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Store the firm's defaults."""
    visitor.principal.require(Role.admin)
    name, policy = text_of(form, "name"), text_of(form, "update_policy")
    frequency = number_of(form, "frequency_minutes")
    if not name or len(name) > _LONGEST_NAME:
        raise Invalid("A firm needs a name.", code="name_missing")
    if frequency is None or not 5 <= frequency <= 1440 or policy not in dict(POLICIES):
        raise Invalid("The frequency or the policy is none that can be chosen.", code="not_allowed")
    given = {
        "name": name,
        "time_zone": text_of(form, "time_zone"),
        "sync_enabled": "sync_enabled" in form,
        "frequency_minutes": frequency,
        "update_policy": policy,
        "default_connection_id": number_of(form, "default_connection_id"),
    }
    async with runtime.db.firm(visitor.firm_id) as session:
        woken = await firm.change(session, visitor.firm_id, given, actor=visitor.subject)
    for connection_id in woken:
        await wakeups.wake(runtime.db, connection_id)
    return go("/settings", "saved")


@router.get("/settings/keys")
async def show_keys(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The firm's API keys."""
    visitor.principal.require(Role.admin)
    return await _keys(request, runtime, visitor)


@router.get("/settings/keys.csv")
async def keys_csv(runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The same for a spreadsheet."""
    visitor.principal.require(Role.admin)
    async with runtime.db.firm(visitor.firm_id) as session:
        rows = await api_keys.of_firm(session, visitor.firm_id)
    names = ("id", "name", "prefix", "role", "created_at", "expires_at", "last_used_at")
    columns: list[Any] = [(name, lambda row, name=name: getattr(row, name)) for name in names]
    columns.insert(4, ("state", keys.state))
    return tables.few_as_csv("api-keys", columns, rows)


@router.post("/settings/keys")
async def make_key(request: Request, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Make a key; the page that answers is the only one that ever shows it."""
    visitor.principal.require(Role.admin)
    name, role, until = text_of(form, "name"), text_of(form, "role"), text_of(form, "expires")
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Invalid("Say what the key is for.", code="name_missing")
    if role not in Role.__members__:
        raise Invalid("There is no such role.", code="not_allowed")
    try:
        expires = datetime.combine(date.fromisoformat(until), time(), visitor.zone).astimezone(UTC) if until else None
    except (ValueError, OverflowError):
        raise Invalid("The day is no date.", code="not_a_date") from None
    environment = runtime.settings.key_environment
    async with runtime.db.firm(visitor.firm_id) as session:
        _, key = await keys.create(session, environment, visitor.principal, name, Role(role), expires)
    return await _keys(request, runtime, visitor, key)


@router.post("/settings/keys/{key_id}/rotate")
async def rotate_key(
    request: Request, key_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep
) -> Response:
    """Make a key like this one; the old one counts an hour longer."""
    visitor.principal.require(Role.admin)
    async with runtime.db.firm(visitor.firm_id) as session:
        environment = runtime.settings.key_environment
        _, key = await keys.rotate(session, environment, visitor.principal, key_id, _GRACE)
    return await _keys(request, runtime, visitor, key)


@router.post("/settings/keys/{key_id}/revoke")
async def revoke_key(key_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, _form: FormDep) -> Response:
    """Make a key useless."""
    visitor.principal.require(Role.admin)
    async with runtime.db.firm(visitor.firm_id) as session:
        await keys.revoke(session, visitor.principal, key_id)
    return go("/settings/keys", "saved")


@router.get("/settings/audit")
async def show_audit(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Who did what, newest first."""
    visitor.principal.require(Role.admin)
    rows, following = await tables.page_of(runtime.db.reads(visitor.firm_id), request, _audited(request, visitor))
    return page(request, "audit.html", visitor, rows=rows, following=following)


@router.get("/settings/audit.csv")
async def audit_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The same for a spreadsheet."""
    visitor.principal.require(Role.admin)
    names = ("id", "created_at", "actor", "action", "subject", "details")
    columns = [(name, lambda row, name=name: getattr(row, name)) for name in names]
    return tables.as_csv("audit", columns, runtime.db, visitor.firm_id, _audited(request, visitor))


@router.get("/settings/events")
async def show_events(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """What the vendors told us, and what came of it."""
    async with runtime.db.firm(visitor.firm_id) as session:
        rows, following = await tables.page_of(session, request, _events(request, visitor))
        summary = await analytics.webhooks(session, visitor.firm_id)
        companies = await connections.names(session, visitor.firm_id)
    return page(
        request,
        "events.html",
        visitor,
        rows=rows,
        following=following,
        summary=summary,
        companies=companies,
        states=_EVENT_STATES,
    )


@router.get("/settings/events.csv")
async def events_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The same for a spreadsheet."""
    names = "id provider connection_id company_id kind external_id operation state reason failures duplicates".split()
    names += ["occurred_at", "created_at", "handled_at"]
    columns = [(name, lambda row, name=name: getattr(row, name)) for name in names]
    return tables.as_csv("webhook-events", columns, runtime.db, visitor.firm_id, _events(request, visitor))


@router.post("/settings/events/replay")
async def replay(runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Look again at the ticked events, or at all that were parked."""
    visitor.principal.require(Role.admin)
    ids = ids_of(form)
    parked = text_of(form, "which") == "parked"
    if not ids and not parked:
        raise Invalid("Tick the events first.", code="nothing_ticked", fix="Go back and tick at least one.")
    which: dict[str, Any] = {"state": "parked"} if parked else {"ids": ids}
    async with runtime.db.firm(visitor.firm_id) as session:
        count, woken = await replaying.replay(session, visitor.firm_id, **which, actor=visitor.subject)
    for connection_id in woken:
        await wakeups.wake(runtime.db, connection_id)
    return go("/settings/events", "replayed" if count else "nothing", n=count or "")


async def _keys(request: Request, runtime: Runtime, visitor: Visitor, new: str = "") -> Response:
    async with runtime.db.firm(visitor.firm_id) as session:
        rows = await api_keys.of_firm(session, visitor.firm_id)
    shown = [(row, keys.state(row)) for row in rows]
    return page(request, "keys.html", visitor, rows=shown, new=new, roles=tuple(Role))


def _audited(request: Request, visitor: Visitor) -> tables.Fetch:
    chosen = {name: tables.wanted(request, name) for name in ("actor", "action", "subject")}
    moment = tables.wanted_moments(request, visitor.zone)[0]

    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await audit.page(session, visitor.firm_id, after=after, limit=limit, since=moment, **chosen)

    return fetch


def _events(request: Request, visitor: Visitor) -> tables.Fetch:
    chosen: dict[str, Any] = {
        "state": tables.wanted_word(request, "state", _EVENT_STATES),
        "connection_id": tables.wanted_id(request, "connection"),
        "kind": tables.wanted(request, "kind"),
        "external_id": tables.wanted(request, "record"),
    }

    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await inbox.page(session, visitor.firm_id, after=after, limit=limit, **chosen)

    return fetch
