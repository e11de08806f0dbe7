"""`/api/import/{quickbooks,xero}` and `/api/v1/accounting/import-batches`: files into the books."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Query, Response, UploadFile

from app.canonical import ProviderName
from app.db import imports
from app.edge import paging
from app.edge.deps import BellDep, FirmReads, Member, RuntimeDep, Viewer
from app.edge.imported import ImportQuery
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, Provider
from app.edge.problems import may_raise
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unsupported
from app.files.batches import Outcome, State
from app.files.importing import Upload, import_file
from app.files.rejected import shown
from app.runtime import Runtime

router = APIRouter(tags=["files"], route_class=LeanRoute, responses=may_raise(Unauthenticated, Forbidden, Invalid))
BATCHES = "/api/v1/accounting/import-batches"
_SHOWN = 1000


class RowError(Answer):
    """One thing wrong in a file; `row` counts its lines from 1."""

    row: int
    column: str
    value: str
    code: str
    reason: str
    fix: str


class ImportAnswer(Answer):
    """What came of a file. `errors` holds up to 1,000; all rejected rows are in the batch's CSV."""

    message: str
    imported: int
    updated: int
    unchanged: int
    rejected: int
    errors: list[RowError]
    notes: list[str]
    format: str
    encoding: str
    status: State
    import_id: int


class ImportBatchAnswer(Answer):
    """One file that was read."""

    id: int
    provider: ProviderName
    format: str
    requested_by: str
    file_name: str
    size: int
    checksum: str
    imported: int
    updated: int
    unchanged: int
    rejected_rows: int
    notes: list[str]
    status: State
    created_at: Moment


class ImportBatchReport(ImportBatchAnswer):
    """One file with what was wrong in it."""

    errors: list[RowError]


class ImportBatchPage(Answer):
    """One page of imports."""

    items: list[ImportBatchAnswer]
    next: str | None


class ImportBatchQuery(PageQuery):
    """Which imports."""

    provider: Provider | None = None


@router.post("/api/import/quickbooks", operation_id="import_quickbooks", responses=may_raise(Unsupported, NotFound))
async def import_quickbooks(
    file: Annotated[UploadFile, File(description="IIF, CSV or XLSX.")],
    query: Annotated[ImportQuery, Query()],
    runtime: RuntimeDep,
    principal: Member,
    bell: BellDep,
) -> ImportAnswer:
    """A chart of accounts (IIF, Account List report or import template) or journals (IIF, CSV, XLSX), as drafts.

    What the file is follows from its content. Importing it again changes nothing.
    """
    upload = query.upload(ProviderName.quickbooks, await file.read(), file.filename or "")
    return await _answer(runtime, principal.firm_id, upload, principal.subject, bell)


@router.post("/api/import/xero", operation_id="import_xero", responses=may_raise(Unsupported, NotFound))
async def import_xero(
    file: Annotated[UploadFile, File(description="CSV.")],
    query: Annotated[ImportQuery, Query()],
    runtime: RuntimeDep,
    principal: Member,
    bell: BellDep,
) -> ImportAnswer:
    """Xero's chart of accounts, or its manual journals, as drafts; otherwise as for QuickBooks."""
    upload = query.upload(ProviderName.xero, await file.read(), file.filename or "")
    return await _answer(runtime, principal.firm_id, upload, principal.subject, bell)


async def _answer(runtime: Runtime, firm_id: int, upload: Upload, actor: str, bell: set[int]) -> ImportAnswer:
    outcome = await import_file(runtime, firm_id, upload, actor=actor)
    bell |= outcome.woken
    return answer_of(outcome)


def answer_of(outcome: Outcome) -> ImportAnswer:
    """What came of a file, as it is answered."""
    return ImportAnswer(
        message=outcome.message,
        imported=outcome.imported,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        rejected=outcome.rejected,
        errors=[RowError(**shown(trouble)) for trouble in outcome.errors[:_SHOWN]],
        notes=list(outcome.notes),
        format=outcome.format.value,
        encoding=outcome.encoding,
        status=outcome.state,
        import_id=outcome.import_id,
    )


def _batch(row: Any) -> dict[str, Any]:
    return {**row._mapping, "status": row.state}  # noqa: SLF001  SQLAlchemy's own name for it


@router.get(BATCHES, operation_id="import_batch_list")
async def list_batches(
    session: FirmReads, principal: Viewer, query: Annotated[ImportBatchQuery, Query()]
) -> ImportBatchPage:
    """Files that were read, newest first."""
    after = paging.decode(query.cursor)
    rows = await imports.page(session, principal.firm_id, provider=query.provider, after=after, limit=query.limit + 1)
    shown_, following = paging.split(rows, query.limit)
    return ImportBatchPage(items=[ImportBatchAnswer.model_validate(_batch(row)) for row in shown_], next=following)


@router.get(f"{BATCHES}/{{import_batch_id}}", operation_id="import_batch_get", responses=may_raise(NotFound))
async def get(import_batch_id: PathId, session: FirmReads, principal: Viewer) -> ImportBatchReport:
    """One file, with what was wrong in it."""
    row = await imports.get(session, principal.firm_id, import_batch_id)
    return ImportBatchReport.model_validate(_batch(row))


@router.get(
    f"{BATCHES}/{{import_batch_id}}/rejected",
    operation_id="import_batch_rejected",
    response_class=Response,
    responses={
        200: {"description": "The rows that were not taken, with the reason.", "content": {"text/csv": {}}},
        **may_raise(NotFound),
    },
)
async def rejected(import_batch_id: PathId, session: FirmReads, principal: Viewer) -> Response:
    """The rows that were not taken as a CSV, with the reason in the last column; mend them and send it again."""
    row = await imports.get(session, principal.firm_id, import_batch_id)
    name = f"attachment; filename=rejected_{import_batch_id}.csv"
    return Response(row.rejected, media_type="text/csv", headers={"Content-Disposition": name})
