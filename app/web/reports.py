"""`/reports`: how well it goes, and whether both sides tie out."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from app.canonical import ProviderName
from app.db import analytics, connections
from app.edge.deps import RuntimeDep
from app.edge.models import check_order, number
from app.errors import NotFound
from app.runtime import Runtime
from app.sync.reconcile import Reconciliation, reconcile
from app.web import charts, tables
from app.web.pages import PageRoute, page
from app.web.sessions import Visitor, VisitorDep
from app.web.words import word

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_PERIOD: Final = timedelta(days=90)
_MOST_CAUSES: Final = 8


@router.get("/reports")
async def show(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The last thirty days: what went and came, what failed and why, what webhooks brought."""
    async with runtime.db.firm(visitor.firm_id) as session:
        history = await analytics.history(session, visitor.firm_id)
        causes = await analytics.causes(session, visitor.firm_id)
        success = await analytics.success(session, visitor.firm_id)
        webhooks = await analytics.webhooks(session, visitor.firm_id)
    days = _by_day(history)
    counted: dict[str, int] = {}
    for cause in causes:
        name = word(cause["code"] or "unknown")
        counted[name] = counted.get(name, 0) + cause["n"]
    worst = sorted(counted.items(), key=lambda pair: -pair[1])[:_MOST_CAUSES]
    return page(
        request,
        "reports.html",
        visitor,
        history=[
            (day, *(days[name].get(day, 0) for name in days)) for day in sorted(days["Records sent"], reverse=True)
        ],
        history_chart=charts.by_day(days, runtime.clock().date(), "Records sent and changes found by day"),
        causes=causes,
        causes_chart=charts.bars(worst, "Records that need somebody, by cause") if worst else None,
        success=success,
        webhooks=webhooks,
    )


@router.get("/reports/reconciliation")
async def reconciliation(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Our documents of a period beside the company's, down to each difference."""
    companies, chosen, start, end = await _asked(request, runtime, visitor)
    client = tables.wanted_id(request, "client")
    found = await _reconcile(runtime, visitor, chosen, start, end, client) if chosen is not None else None
    return page(
        request,
        "reconciliation.html",
        visitor,
        companies=companies,
        chosen=chosen,
        start=start,
        end=end,
        client=client,
        found=found,
    )


@router.get("/reports/reconciliation.csv")
async def reconciliation_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The differences for a spreadsheet."""
    _, chosen, start, end = await _asked(request, runtime, visitor)
    if chosen is None:
        raise NotFound("No company is connected.")
    found = await _reconcile(runtime, visitor, chosen, start, end, tables.wanted_id(request, "client"))

    names = ["kind", "number", "dated", "client_name", "currency", "here", "there", "here_paid", "there_paid"]
    names += ["cause", "message", "who", "fix", "external_id"]
    return tables.few_as_csv("differences", [(name, _reader(name)) for name in names], found.differences)


def _reader(name: str) -> Any:
    def read(difference: dict[str, Any]) -> object:
        value = difference[name]
        return number(value) if name in ("here", "there", "here_paid", "there_paid") and value is not None else value

    return read


def _by_day(history: Sequence[dict[str, Any]]) -> dict[str, dict[date, int]]:
    sent: dict[date, int] = {}
    changed: dict[date, int] = {}
    for row in history:
        day = date.fromisoformat(row["day"])
        sent[day] = sent.get(day, 0) + int(row["pushed"])
        changed[day] = changed.get(day, 0) + int(row["changed"])
    return {"Records sent": sent, "Changes found": changed}


async def _asked(
    request: Request, runtime: Runtime, visitor: Visitor
) -> tuple[Sequence[Any], connections.ConnectionRow | None, date, date]:
    """The companies, the one that is asked for or the first, and the period."""
    end = tables.wanted_day(request, "to") or runtime.clock().date()
    start = tables.wanted_day(request, "from") or end - _PERIOD
    check_order("from", start, "to", end)
    wanted = tables.wanted_id(request, "connection")
    async with runtime.db.firm(visitor.firm_id) as session:
        companies = await connections.page(session, visitor.firm_id, limit=len(ProviderName))
    chosen = next((one for one in companies if wanted in (None, one.id)), None)
    if chosen is None and wanted is not None:
        raise NotFound("There is no such connection.")
    return companies, chosen, start, end


async def _reconcile(
    runtime: Runtime, visitor: Visitor, chosen: Any, start: date, end: date, client: int | None
) -> Reconciliation:
    async with runtime.db.firm(visitor.firm_id) as session:
        return await reconcile(session, visitor.firm_id, chosen.id, start, end, client_id=client)
