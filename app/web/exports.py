"""`/files`: the books as files, and the log of what went out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app.canonical import ProviderName
from app.db import connections, exports
from app.db.reading import Reads
from app.db.session import Session
from app.edge.deps import RuntimeDep
from app.edge.exported import QuickBooksQuery, Region, XeroQuery, exported, file_answer
from app.edge.models import PathId
from app.edge.principals import Role
from app.errors import AppError, Invalid
from app.files.exporting import export
from app.files.wishes import Wish
from app.runtime import Runtime
from app.web import tables
from app.web.pages import PageRoute, page
from app.web.sessions import FormDep, Visitor, VisitorDep, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
TARGETS: Final = (
    ("quickbooks:iif", "QuickBooks Desktop (IIF)"),
    ("quickbooks:csv", "QuickBooks Online (CSV)"),
    ("xero:csv", "Xero (CSV)"),
)
KINDS: Final = (
    ("journal_entries", "Journal entries"),
    ("accounts", "Chart of accounts"),
    ("clients", "Clients"),
    ("invoices", "Invoices"),
)
REGIONS: Final[tuple[str, ...]] = get_args(Region)
_STATES: Final = ("prepared", "complete")
_OPTIONAL: Final = ("date_from", "date_to", "currency", "connection_id", "region", "split")
_MOST_IDS: Final = 10_000  # as many as a call may name


@router.get("/files")
async def show(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The form, and what went out before."""
    return await _page(request, runtime, visitor)


@router.post("/files/export")
async def send(request: Request, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """The file; or the page again with what the format cannot hold."""
    visitor.principal.require(Role.member)
    given = {name: text_of(form, name) for name in form}
    try:
        return await exported(runtime, visitor.firm_id, _wish(given), visitor.subject)
    except Invalid as error:
        return await _page(request, runtime, visitor, given=given, error=error)


@router.get("/files/exports.csv")
async def log_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The log for a spreadsheet."""
    names = ("id", "created_at", "file_name", "provider", "format", "kind", "requested_by", "records", "lines")
    columns: list[Any] = [(name, lambda row, name=name: getattr(row, name)) for name in names]
    columns += [
        ("filter", lambda row: json.dumps(_filter(row), sort_keys=True)),
        ("totals", lambda row: " ".join(f"{total} {currency}" for currency, total in row.totals.items())),
    ]
    more = ("exported_before", "altered", "size", "checksum", "state", "delivered_at")
    columns += [(name, lambda row, name=name: getattr(row, name)) for name in more]
    return tables.as_csv("exports", columns, runtime.db, visitor.firm_id, _fetch(request, visitor))


@router.get("/files/exports/{export_log_id}")
async def show_one(request: Request, export_log_id: PathId, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """One export, with what had to be altered."""
    return await _one(request, runtime, visitor, export_log_id)


@router.post("/files/exports/{export_log_id}/again")
async def again(
    request: Request, export_log_id: PathId, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep
) -> Response:
    """The same file; where the books have changed since, that is said before another one is sent."""
    visitor.principal.require(Role.member)
    async with runtime.db.firm(visitor.firm_id) as session:
        row = await exports.get(session, visitor.firm_id, export_log_id)
        wish = await _same(session, visitor.firm_id, row)
    try:
        made = await export(runtime, visitor.firm_id, wish, actor=visitor.subject)
    except Invalid as error:
        return await _one(request, runtime, visitor, export_log_id, error=error)
    if made.checksum != row.checksum and "anyway" not in form:
        made.file.close()
        return await _one(request, runtime, visitor, export_log_id, differs=made.log_id)
    return file_answer(runtime, visitor.firm_id, made)


async def _same(session: Session, firm_id: int, row: Any) -> Wish:
    """The wish of a logged export, by the entries that were in it: a filter alone may mean others by now."""
    given = {name: value for name, value in row.filter.items() if name != "provider"}
    ids = await exports.entries(session, firm_id, row.id)
    if row.kind == "journal_entries" and 0 < len(ids) <= _MOST_IDS:
        given |= {"ids": ids, "include_exported": True}
    return _validated(ProviderName(row.provider), given)


def _wish(given: Mapping[str, str]) -> Wish:
    """What a form asks for. Raises Invalid."""
    target = given.get("target", "")
    if target not in dict(TARGETS):
        raise Invalid("Say for which program the file is.", code="target_missing")
    provider, _, format_ = target.partition(":")
    wanted: dict[str, Any] = {name: given[name] for name in _OPTIONAL if given.get(name)}
    wanted |= {"kind": given.get("kind", ""), "status": given.get("status", ""), "format": format_}
    return _validated(ProviderName(provider), wanted | {"include_exported": "leave_out" not in given})


def _validated(provider: ProviderName, wanted: Mapping[str, Any]) -> Wish:
    try:
        if provider is ProviderName.xero:
            xero = XeroQuery.model_validate(wanted)
            return xero.wish(provider, xero.format)
        query = QuickBooksQuery.model_validate(wanted)
        return query.wish(provider, query.format)
    except ValidationError as error:
        raise unreadable(error) from None


def unreadable(error: ValidationError) -> Invalid:
    """What is wrong with the fields of a form."""
    found = [{"field": str(one["loc"][0]), "message": one["msg"]} for one in error.errors()]
    return Invalid("The form holds something that we cannot read.", code="bad_form", errors=found)


def _filter(row: Any) -> dict[str, Any]:
    """The filter as people read it: without what stands beside it."""
    shown = {name: value for name, value in row.filter.items() if name not in ("provider", "format", "kind")}
    if "ids" in shown:
        shown["ids"] = f"{len(shown['ids']):,} by id"
    if row.kind != "journal_entries":
        shown.pop("status", None)
        shown.pop("include_exported", None)
    return shown


def _fetch(request: Request, visitor: Visitor) -> tables.Fetch:
    provider = tables.wanted_word(request, "provider", tuple(ProviderName))
    state = tables.wanted_word(request, "state", _STATES)

    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await exports.page(session, visitor.firm_id, provider=provider, state=state, after=after, limit=limit)

    return fetch


async def _page(
    request: Request,
    runtime: Runtime,
    visitor: Visitor,
    *,
    given: Mapping[str, str] | None = None,
    error: AppError | None = None,
) -> Response:
    async with runtime.db.firm(visitor.firm_id) as session:
        rows, following = await tables.page_of(session, request, _fetch(request, visitor))
        companies = await connections.page(session, visitor.firm_id, limit=len(ProviderName))
    return page(
        request,
        "exports.html",
        visitor,
        status=422 if error else 200,
        rows=[(row, _filter(row)) for row in rows],
        following=following,
        companies=companies,
        given=given or {},
        error=error,
        targets=TARGETS,
        kinds=KINDS,
        regions=REGIONS,
        states=_STATES,
        providers=tuple(ProviderName),
    )


async def _one(
    request: Request,
    runtime: Runtime,
    visitor: Visitor,
    log_id: int,
    *,
    differs: int | None = None,
    error: AppError | None = None,
) -> Response:
    async with runtime.db.firm(visitor.firm_id) as session:
        row = await exports.get(session, visitor.firm_id, log_id)
    status = 422 if error else 409 if differs else 200
    names = dict(KINDS)
    return page(
        request,
        "export.html",
        visitor,
        status=status,
        row=row,
        what=_filter(row),
        differs=differs,
        error=error,
        kinds=names,
    )
