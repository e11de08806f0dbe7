"""`/files/import`: files into the books, looked at first; `/files/imports`: what came of each."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from app.canonical import ProviderName
from app.db import connections, imports, wakeups
from app.db.reading import Reads
from app.edge.deps import RuntimeDep
from app.edge.imported import ImportQuery
from app.edge.models import PathId
from app.edge.principals import Role
from app.edge.problems import status_of
from app.errors import AppError, Invalid, Unsupported
from app.files.batches import Outcome
from app.files.importing import Upload, import_file
from app.files.rejected import shown
from app.runtime import Runtime
from app.web import carrying, tables
from app.web.exports import REGIONS, unreadable
from app.web.pages import PageRoute, go, headers, page
from app.web.sessions import FormDep, Visitor, VisitorDep, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_OPTIONAL: Final = ("date_order", "currency", "connection_id", "region")
_MOST_SHOWN: Final = 100


@router.get("/files/import")
async def show(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The form, and what came before."""
    return await _page(request, runtime, visitor)


@router.post("/files/import")
async def take(request: Request, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Say what a file would do, or import it: all of it, or the good rows alone where that is ticked."""
    visitor.principal.require(Role.member)
    given = {name: text_of(form, name) for name in form if name not in ("file", "carried")}
    preview = given.get("act") != "import"
    try:
        upload = await _upload(form, given, preview)
        outcome = await import_file(runtime, visitor.firm_id, upload, actor=visitor.subject)
    except (Invalid, Unsupported) as error:
        if "import_id" in error.extra:
            return go(f"/files/imports/{error.extra['import_id']}")
        return await _page(request, runtime, visitor, given=given, error=error)
    for connection_id in sorted(outcome.woken):
        await wakeups.wake(runtime.db, connection_id)
    if not preview:
        return go(f"/files/imports/{outcome.import_id}", "imported", n=outcome.imported + outcome.updated)
    carried = await asyncio.to_thread(carrying.pack, upload.data)
    return await _page(request, runtime, visitor, given=given, looked=(upload, outcome, carried))


@router.get("/files/imports.csv")
async def log_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The log for a spreadsheet."""
    names = ("id", "created_at", "file_name", "provider", "format", "requested_by", "size", "checksum")
    columns = [(name, lambda row, name=name: getattr(row, name)) for name in names]
    more = ("imported", "updated", "unchanged", "rejected_rows", "state")
    columns += [(name, lambda row, name=name: getattr(row, name)) for name in more]
    return tables.as_csv("imports", columns, runtime.db, visitor.firm_id, _fetch(request, visitor))


@router.get("/files/imports/{import_batch_id}")
async def show_one(request: Request, import_batch_id: PathId, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """What came of one file, with the rows that are wrong."""
    async with runtime.db.firm(visitor.firm_id) as session:
        row = await imports.get(session, visitor.firm_id, import_batch_id)
    return page(request, "import_batch.html", visitor, row=row, errors=row.errors[:_MOST_SHOWN])


@router.get("/files/imports/{import_batch_id}/rejected.csv")
async def rejected(import_batch_id: PathId, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The rows that were not taken, each with its reason; to be mended and sent again."""
    async with runtime.db.firm(visitor.firm_id) as session:
        row = await imports.get(session, visitor.firm_id, import_batch_id)
    named = {"Content-Disposition": f"attachment; filename=rejected_{import_batch_id}.csv"}
    return Response(row.rejected, media_type="text/csv", headers=headers() | named)


async def _upload(form: FormData, given: Mapping[str, str], preview: bool) -> Upload:
    """The file of a form: one that was chosen, else the one that the preview carries. Raises Invalid."""
    provider = given.get("provider", "")
    if provider not in ProviderName.__members__:
        raise Invalid("Say from which program the file is.", code="provider_unknown")
    file = form.get("file")
    if isinstance(file, UploadFile) and file.filename:
        data, name = await file.read(), file.filename
    elif carried := text_of(form, "carried"):
        data, name = await asyncio.to_thread(carrying.unpack, carried), given.get("file_name", "")
    else:
        raise Invalid("Choose a file first.", code="file_missing")
    wanted: dict[str, Any] = {one: given[one] for one in _OPTIONAL if given.get(one)}
    try:
        query = ImportQuery.model_validate(wanted | {"partial": "partial" in given, "dry_run": preview})
    except ValidationError as error:
        raise unreadable(error) from None
    return query.upload(ProviderName(provider), data, name)


def _fetch(request: Request, visitor: Visitor) -> tables.Fetch:
    provider = tables.wanted_word(request, "of", tuple(ProviderName))

    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await imports.page(session, visitor.firm_id, provider=provider, after=after, limit=limit)

    return fetch


async def _page(
    request: Request,
    runtime: Runtime,
    visitor: Visitor,
    *,
    given: Mapping[str, str] | None = None,
    error: AppError | None = None,
    looked: tuple[Upload, Outcome, str] | None = None,
) -> Response:
    async with runtime.db.firm(visitor.firm_id) as session:
        rows, following = await tables.page_of(session, request, _fetch(request, visitor))
        companies = await connections.page(session, visitor.firm_id, limit=len(ProviderName))
    upload, outcome, carried = looked or (None, None, "")
    return page(
        request,
        "import.html",
        visitor,
        status=status_of(error) if error else 200,
        rows=rows,
        following=following,
        companies=companies,
        given=given or {},
        error=error,
        upload=upload,
        outcome=outcome,
        carried=carried,
        errors=[shown(one) for one in outcome.errors[:_MOST_SHOWN]] if outcome else [],
        providers=tuple(ProviderName),
        regions=REGIONS,
    )
