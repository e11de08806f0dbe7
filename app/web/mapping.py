"""`/mapping/{account,tax,item}`: what our codes are called at a provider."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData, UploadFile

from app.books.codes import map_codes
from app.books.matching import Target
from app.books.matching import targets as as_targets
from app.canonical import Kind, ProviderName
from app.db import connections, coverage, wakeups
from app.db.code_mappings import CodeKind
from app.db.connections import ConnectionRow
from app.db.reading import Reads
from app.edge.deps import RuntimeDep
from app.edge.principals import Role
from app.errors import Invalid, NotFound
from app.providers.registry import SPECS
from app.runtime import Runtime
from app.sync import requests
from app.web import matching, tables
from app.web.matching import Line
from app.web.pages import PageRoute, go, page
from app.web.sessions import FormDep, Visitor, VisitorDep, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_MOST: Final = 1000
_CHOOSE: Final = "Choose one of its list. If it is new there, fetch the list anew first."
_LISTS: Final = (Kind.account, Kind.item, Kind.tax_rate)
_LONGEST_CODE: Final = 128
_SHOWN: Final = 50
_MOST_CHOICES: Final = 1000
_MOST_OPTIONS: Final = 1200  # of all choices on a page together; beyond, the lines share one list of suggestions


@router.get("/mapping/{kind}")
async def show(request: Request, kind: str, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Our codes, their counterparts or the likeliest ones, and how much of what is written is covered."""
    return await _page(request, runtime, visitor, _kind(kind))


@router.get("/mapping/{kind}/preview")
async def preview(request: Request, kind: str, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The latest invoice with the codes as they are picked in the form; for the page beside it."""
    _kind(kind)
    picked = {name[2:]: value for name, value in request.query_params.items() if name.startswith("t:")}
    connection = await _connection(request, runtime, visitor)
    shown = None
    if connection is not None:
        async with runtime.db.firm(visitor.firm_id) as session:
            found, _ = await _lines(session, visitor.firm_id, CodeKind(kind), connection, runtime.clock())
            every = {line.code: line.mapped for line in found} | picked  # the form holds one page of the codes
            shown = await _preview(session, visitor.firm_id, connection, CodeKind(kind), every)
    return page(request, "_preview.html", visitor, preview=shown)


@router.get("/mapping/{kind}/export.csv")
async def export(request: Request, kind: str, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """All codes with their counterparts, to be filled in and sent back."""
    which = _kind(kind)
    connection = await _connection(request, runtime, visitor)
    found: Sequence[Line] = ()
    if connection is not None:
        async with runtime.db.firm(visitor.firm_id) as session:
            found, _ = await _lines(session, visitor.firm_id, which, connection, runtime.clock())

    columns = [("internal_code", lambda line: line.code), ("internal_name", lambda line: line.name)]
    columns += [("lines_90_days", lambda line: line.lines), ("external_code", lambda line: line.mapped)]
    columns += [("external_name", lambda line: line.mapped_name), ("suggested", lambda line: line.suggested)]
    return tables.few_as_csv(f"{kind}-mapping", columns, found)


@router.post("/mapping/{kind}")
async def save(kind: str, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Store what was picked; records that waited for it go by themselves."""
    visitor.principal.require(Role.member)
    which = _kind(kind)
    given = [(name[2:], text_of(form, name)) for name in form if name.startswith("t:")]
    count = await _store(runtime, visitor, which, _provider(text_of(form, "provider")), given)
    if text_of(form, "back") == "attention":
        return go("/attention", "mapped", n=count)
    return go(f"/mapping/{kind}?provider={text_of(form, 'provider')}", "mapped", n=count)


@router.post("/mapping/{kind}/fetch")
async def fetch_lists(kind: str, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Ask for the provider's accounts, items and tax rates anew."""
    visitor.principal.require(Role.member)
    connection = await requests.connection_of(runtime.db, visitor.firm_id, _provider(text_of(form, "provider")))
    asked = (runtime.db, visitor.firm_id, connection)
    await requests.pull(*asked, kinds=_LISTS, date_from=None, date_to=None, requested_by=visitor.subject)
    return go(f"/mapping/{_kind(kind)}?provider={text_of(form, 'provider')}", "lists")


@router.post("/mapping/{kind}/import")
async def load(request: Request, kind: str, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Store the mappings of a CSV file, all or none; what cannot be is said row by row."""
    which, provider = _kind(kind), _provider(text_of(form, "provider"))
    visitor.principal.require(Role.member)
    rows, errors = await _read(form)
    connection = await _connection(request, runtime, visitor, provider)
    if connection is not None and not errors:
        async with runtime.db.firm(visitor.firm_id) as session:
            known = {one.code for one in await _targets(session, visitor.firm_id, which, connection)}
        errors = [
            f"Row {number}: {theirs} is not among what the provider holds."
            for number, (_, theirs) in enumerate(rows, start=2)
            if known and theirs not in known
        ]
    if errors:
        return await _page(request, runtime, visitor, which, provider=provider, errors=errors[:50])
    count = await _store(runtime, visitor, which, provider, rows)
    return go(f"/mapping/{kind}?provider={provider}", "mapped", n=count)


async def _page(
    request: Request,
    runtime: Runtime,
    visitor: Visitor,
    kind: CodeKind,
    *,
    provider: ProviderName | None = None,
    errors: Sequence[str] = (),
) -> Response:
    start, words = tables.wanted_start(request), tables.wanted(request, "q") or ""
    found: Sequence[Line] = ()
    targets: Sequence[Target] = ()
    shown = None
    reads = runtime.db.reads(visitor.firm_id)
    companies = await connections.page(reads, visitor.firm_id, limit=len(ProviderName))
    connection = _chosen(request, companies, provider)
    if connection is not None:
        found, targets = await _lines(reads, visitor.firm_id, kind, connection, runtime.clock())
        picked = {line.code: line.mapped or line.suggested for line in found}
        shown = await _preview(reads, visitor.firm_id, connection, kind, picked)
    sought = matching.narrowed(found, words)
    shown_lines = sought[start : start + _SHOWN]
    choices = [target for target in targets if target.active and target.code][:_MOST_CHOICES]
    return page(
        request,
        "mapping.html",
        visitor,
        status=422 if errors else 200,
        kind=kind,
        connection=connection,
        companies=companies,
        lines=shown_lines,
        many=len(found) > _SHOWN,
        of=len(sought),
        start=start,
        following=start + _SHOWN if start + _SHOWN < len(sought) else None,
        targets=choices,
        names={target.code: target.label for target in targets},
        few=len(shown_lines) * len(choices) <= _MOST_OPTIONS,
        covered=matching.covered(found),
        preview=shown,
        errors=errors,
        display=SPECS[ProviderName(connection.provider)].display if connection is not None else "",
    )


async def _connection(
    request: Request, runtime: Runtime, visitor: Visitor, provider: ProviderName | None = None
) -> ConnectionRow | None:
    rows = await connections.page(runtime.db.reads(visitor.firm_id), visitor.firm_id, limit=len(ProviderName))
    return _chosen(request, rows, provider)


def _chosen(request: Request, rows: Sequence[ConnectionRow], provider: ProviderName | None) -> ConnectionRow | None:
    """The company whose codes are shown: of the provider that is asked for, else the first."""
    wanted = provider or tables.wanted_word(request, "provider", tuple(ProviderName))
    return next((row for row in rows if wanted is None or row.provider == wanted), None)


async def _lines(
    session: Reads, firm_id: int, kind: CodeKind, connection: ConnectionRow, now: datetime
) -> tuple[Sequence[Line], Sequence[Target]]:
    targets = await _targets(session, firm_id, kind, connection)
    return matching.lines(await coverage.codes(session, firm_id, kind, connection, now.date()), targets), targets


async def _targets(session: Reads, firm_id: int, kind: CodeKind, connection: ConnectionRow) -> list[Target]:
    return as_targets(await coverage.targets(session, firm_id, kind, connection.id))


async def _preview(
    session: Reads, firm_id: int, connection: ConnectionRow, kind: CodeKind, picked: dict[str, str]
) -> dict[str, Any] | None:
    rows = await coverage.sample(session, firm_id)
    if not rows:
        return None
    names = {one.code: one.label for one in await _targets(session, firm_id, kind, connection)}
    lines = [
        {
            "description": row.description,
            "amount": row.amount,
            "currency": row.currency,
            "code": getattr(row, f"{kind}_code"),
            "target": names.get(target, target) if (target := picked.get(getattr(row, f"{kind}_code"), "")) else "",
        }
        for row in rows
    ]
    return {"number": rows[0].number, "lines": lines}


async def _store(
    runtime: Runtime, visitor: Visitor, kind: CodeKind, provider: ProviderName, given: Sequence[tuple[str, str]]
) -> int:
    """Store those that differ from what is there; how many."""
    visitor.principal.require(Role.member)
    wanted = {ours: theirs for ours, theirs in given if ours and theirs}
    if len(wanted) > _MOST or any(max(len(ours), len(theirs)) > _LONGEST_CODE for ours, theirs in wanted.items()):
        raise Invalid(f"At most {_MOST:,} codes of {_LONGEST_CODE} characters are stored at once.", code="too_many")
    async with runtime.db.firm(visitor.firm_id) as session:
        connection = await connections.live(session, visitor.firm_id, provider)
        names: dict[str, str] = {}
        present: dict[str, str] = {}
        if connection is not None:
            names = {one.code: one.name for one in await _targets(session, visitor.firm_id, kind, connection)}
            rows = await coverage.codes(session, visitor.firm_id, kind, connection, runtime.clock().date())
            present = {row.code: row.external_code for row in rows}
            strange = next((theirs for theirs in wanted.values() if names and theirs not in names), None)
            if strange is not None:
                holder = SPECS[provider].display
                raise Invalid(f"{strange} is not among what {holder} holds.", code="target_unknown", fix=_CHOOSE)
        changed = [
            (ours, theirs, names.get(theirs, "")) for ours, theirs in wanted.items() if present.get(ours) != theirs
        ]
        woken: set[int] = set()
        if changed:
            _, woken = await map_codes(session, visitor.firm_id, kind, provider, None, changed)
    for connection_id in woken:
        await wakeups.wake(runtime.db, connection_id)
    return len(changed)


async def _read(form: FormData) -> tuple[list[tuple[str, str]], list[str]]:
    """The pairs of an uploaded file, and what is wrong with it."""
    file = form.get("file")
    if not isinstance(file, UploadFile):
        return [], ["Choose a file."]
    try:
        text = (await file.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], ["The file is not UTF-8 text. Save it as “CSV UTF-8”."]
    reader = csv.DictReader(io.StringIO(text))
    if not {"internal_code", "external_code"} <= set(reader.fieldnames or ()):
        return [], ["The first row must name the columns internal_code and external_code."]
    rows = [
        ((row["internal_code"] or "").strip().removeprefix("'"), (row["external_code"] or "").strip().removeprefix("'"))
        for row in reader
    ]
    errors = [
        f"Row {number}: the internal code is missing."
        for number, row in enumerate(rows, start=2)
        if not row[0] and row[1]
    ]
    return [row for row in rows if row[0] and row[1]], errors


def _kind(kind: str) -> CodeKind:
    if kind not in CodeKind.__members__:
        raise NotFound("There are accounts, taxes and items to be mapped.")
    return CodeKind(kind)


def _provider(name: str) -> ProviderName:
    if name not in ProviderName.__members__:
        raise Invalid("There is no such provider.", code="provider_unknown")
    return ProviderName(name)
