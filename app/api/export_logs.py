"""`/api/v1/accounting/export-logs`: what went out as files."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.canonical import ProviderName
from app.db import exports
from app.edge import paging
from app.edge.deps import FirmReads, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, Provider
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting/export-logs",
    tags=["files"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)
State = Literal["prepared", "complete"]


class ExportLogAnswer(Answer):
    """One file. `status`: prepared (written, not taken to its end), complete. `totals` by currency.

    `tenant_id`, `export_date` and `records_exported` say firm, day (UTC) and records once more.
    """

    id: int
    provider: ProviderName
    format: str
    kind: str
    connection_id: int | None
    filter: dict[str, Any]
    requested_by: str
    file_name: str
    size: int
    checksum: str = Field(description="SHA-256 of the file.")
    records: int
    lines: int
    totals: dict[str, str]
    exported_before: int
    altered: int
    status: State
    delivered_at: Moment | None
    created_at: Moment
    tenant_id: int
    export_date: date
    records_exported: int


class AlterationAnswer(Answer):
    """A text that had to be altered."""

    record: str
    field: str
    message: str
    value: str
    written: str


class ExportReport(ExportLogAnswer):
    """A file with what had to be altered in it, up to 1,000; `altered` counts all."""

    alterations: list[AlterationAnswer]


class ExportLogPage(Answer):
    """One page of exports."""

    items: list[ExportLogAnswer]
    next: str | None


class ExportLogQuery(PageQuery):
    """Which exports."""

    provider: Provider | None = None
    status: State | None = None


def _answered(row: Any) -> dict[str, Any]:
    return {
        **row._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
        "status": row.state,
        "tenant_id": row.firm_id,
        "export_date": row.created_at.date(),
        "records_exported": row.records,
    }


@router.get("", operation_id="export_log_list")
async def list_logs(session: FirmReads, principal: Viewer, query: Annotated[ExportLogQuery, Query()]) -> ExportLogPage:
    """Exports, newest first."""
    rows = await exports.page(
        session,
        principal.firm_id,
        provider=query.provider,
        state=query.status,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
    )
    shown, following = paging.split(rows, query.limit)
    return ExportLogPage(items=[ExportLogAnswer.model_validate(_answered(row)) for row in shown], next=following)


@router.get("/{export_log_id}", operation_id="export_log_get", responses=may_raise(NotFound))
async def get(export_log_id: PathId, session: FirmReads, principal: Viewer) -> ExportReport:
    """One export, with what had to be altered."""
    return ExportReport.model_validate(_answered(await exports.get(session, principal.firm_id, export_log_id)))
