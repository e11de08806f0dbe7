"""`/attention`: what needs somebody, by cause, with the cure beside it."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from app.books import matching
from app.canonical import Kind, ProviderName
from app.db import attention, clients, connections, coverage, documents, suggestions, wakeups
from app.db.code_mappings import CodeKind
from app.db.documents import Sought
from app.db.kinds import PUSHED
from app.db.mending import Choice
from app.db.reading import Reads
from app.db.session import Session
from app.edge.deps import RuntimeDep
from app.edge.models import PathId
from app.edge.principals import Role
from app.errors import Invalid, NotFound
from app.providers.registry import SPECS
from app.sync import mending, suggesting
from app.web import homes, tables
from app.web.pages import PageRoute, go, page
from app.web.sessions import FormDep, VisitorDep, ids_of, number_of, text_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_SHOWN: Final = 8
_FEW_CLIENTS: Final = 40  # as many as every row may list; beyond, the rows share one list of suggestions
_MOST_CLIENTS: Final = 200
_MOST_OPTIONS: Final = 300
_MOST_CHOICES: Final = 1000
_DIGITS: Final = 19
_UNMAPPED: Final = {f"{kind}_unmapped": kind for kind in CodeKind}
# Causes whose cure is on the mapping page: what is mapped is archived, gone or of the wrong type.
_REMAP: Final = frozenset(
    "account_invalid account_type_invalid tax_invalid item_invalid item_missing tax_missing tax_codes_mixed "
    "tax_unexpected reference_invalid record_missing_or_inactive".split()
)
_WHO: Final = {
    "bookkeeper": "a bookkeeper",
    "admin": "an administrator of your firm",
    "operator": "the operator of this service",
    "provider": "the provider",
    "nobody": "nobody has to",
}


@router.get("/attention")
async def show(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """Causes with their records; connections that are locked out; customers nobody here knows."""
    wanted = tables.wanted_id(request, "connection")
    async with runtime.db.firm(visitor.firm_id) as session:
        live = await connections.page(session, visitor.firm_id, limit=len(ProviderName))
        unplaced = await homes.unplaced(session, visitor.firm_id, live)
        found = await attention.groups(session, visitor.firm_id, wanted)
        groups = [await _group(session, visitor.firm_id, row, live) for row in found]
        strangers = await suggestions.page(
            session, visitor.firm_id, connection_id=wanted, dismissed=False, after=None, limit=_SHOWN + 1
        )
        ours = (
            await clients.page(session, visitor.firm_id, clients.Filters(active=True), after=None, limit=_MOST_CLIENTS)
            if strangers
            else []
        )
    return page(
        request,
        "attention.html",
        visitor,
        groups=groups,
        unplaced=unplaced,
        locked_out=[row for row in live if row.status != "active"],
        strangers=strangers[:_SHOWN],
        more_strangers=len(strangers) > _SHOWN,
        clients=ours,
        few=len(ours) <= _FEW_CLIENTS,
        companies=live,
        specs={spec.name: spec for spec in SPECS.values()},
    )


@router.get("/attention.csv")
async def causes_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The causes for a spreadsheet; the records of each are in the CSV of the documents."""
    async with runtime.db.firm(visitor.firm_id) as session:
        rows = await attention.groups(session, visitor.firm_id, tables.wanted_id(request, "connection"))
    names = ("kind", "provider", "company_name", "code", "open", "going", "resolved", "since")
    columns = [(name, lambda row, name=name: getattr(row, name)) for name in names]
    columns += [(name, lambda row, name=name: (row.example or {}).get(name, "")) for name in ("message", "fix", "who")]
    return tables.few_as_csv("needs-attention", columns, rows)


@router.get("/attention/strangers.csv")
async def strangers_csv(request: Request, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The customers nobody here knows, for a spreadsheet."""
    connection = tables.wanted_id(request, "connection")

    async def fetch(session: Reads, after: int | None, limit: int) -> Sequence[Any]:
        return await suggestions.page(
            session, visitor.firm_id, connection_id=connection, dismissed=False, after=after, limit=limit
        )

    columns: list[Any] = [
        (name, lambda row, name=name: getattr(row, name)) for name in ("connection_id", "external_id")
    ]
    columns += [
        ("name", lambda row: row.record.get("name", "")),
        ("email", lambda row: row.record.get("customer", {}).get("email", "")),
    ]
    columns += [(name, lambda row, name=name: getattr(row, name)) for name in ("client_id", "client_name", "reason")]
    return tables.as_csv("unknown-customers", columns, runtime.db, visitor.firm_id, fetch)


@router.post("/attention/{kind}/{act}")
async def decide(kind: str, act: str, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep) -> Response:
    """Retry or skip the ticked records of a cause, or all of them."""
    visitor.principal.require(Role.member)
    if kind not in {one.value for one in PUSHED} or act not in ("retry", "skip"):
        raise NotFound("There is no such act.")
    ids = ids_of(form)
    connection, code = number_of(form, "connection"), text_of(form, "code")
    if text_of(form, "which") == "all" and connection is not None and code:
        choice = Choice(connection_id=connection, code=code)
    elif ids:
        choice = Choice(ids=ids)
    else:
        raise Invalid("Tick the records first.", code="nothing_ticked", fix="Go back and tick at least one.")
    act_on = mending.retry if act == "retry" else mending.skip
    done = await act_on(runtime.db, visitor.firm_id, Kind(kind), choice, actor=visitor.subject)
    count = len(done.decided)
    return go("/attention", ("retried" if act == "retry" else "skipped") if count else "nothing", n=count or "")


@router.post("/attention/strangers/{suggestion_id}/{act}")
async def introduce(
    suggestion_id: PathId, act: str, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep
) -> Response:
    """Say who a customer of the provider is: a client of ours, a new one, or nobody."""
    visitor.principal.require(Role.member)
    woken: set[int] = set()
    async with runtime.db.firm(visitor.firm_id) as session:
        asked = (session, visitor.firm_id, suggestion_id)
        if act == "match":
            client = number_of(form, "client_id") or await _client(session, visitor.firm_id, text_of(form, "client"))
            await clients.get(session, visitor.firm_id, client)
            woken = await suggesting.match(*asked, client, actor=visitor.subject)
        elif act == "create":
            await suggesting.create(*asked, actor=visitor.subject)
        elif act == "dismiss":
            await suggesting.dismiss(*asked, actor=visitor.subject)
        else:
            raise NotFound("There is no such act.")
    for connection_id in woken:
        await wakeups.wake(runtime.db, connection_id)
    return go("/attention", "saved")


async def _client(session: Session, firm_id: int, words: str) -> int:
    """The client that was named: by its reference, by its name, by its id as `#12`, or by name and id as listed."""
    if not words:
        raise Invalid("Pick the client that it is.", code="client_missing")
    found = await clients.called(session, firm_id, words)
    if len(found) > 1:
        said = f"Several clients are called that: {', '.join(f'#{one.id}' for one in found)}."
        raise Invalid(said, code="client_ambiguous", fix="Name it by your own reference, or by its id as #12.")
    if found:
        return int(found[0].id)
    name, _, number = words.rpartition("#")
    if number.isdecimal() and len(number) < _DIGITS:
        client = await clients.get(session, firm_id, int(number))
        if name.strip() in ("", client.name):
            return int(client.id)
    raise Invalid("No client is called that.", code="client_not_found", fix="Use its whole name or your reference.")


async def _group(session: Session, firm_id: int, row: Any, live: Sequence[Any]) -> dict[str, Any]:
    """A cause with its first records and, where codes are missing, the codes and what there is to choose from."""
    kind = Kind(row.kind)
    sought = Sought(connection_id=row.connection_id, code=row.code)
    shown = await documents.page(session, firm_id, kind, sought, limit=_SHOWN)
    fault = row.example or {}
    unmapped = _UNMAPPED.get(row.code)
    connection = next((one for one in live if one.id == row.connection_id), None)
    missing: list[dict[str, Any]] = []
    targets: list[matching.Target] = []
    lacking: list[str] = []
    if unmapped is not None and connection is not None:
        targets = matching.targets(await coverage.targets(session, firm_id, unmapped, row.connection_id))
        finder = matching.Finder(targets)
        lacking = await coverage.missing(session, firm_id, unmapped, connection)
        for code in lacking[:_SHOWN]:
            fit = finder.find(code, "", "")
            missing.append(
                {"code": code, "suggested": fit.target.code if fit else "", "why": fit.reason if fit else ""}
            )
    choices = [target for target in targets if target.active and target.code]
    return {
        "row": row,
        "fault": fault,
        "who": _WHO.get(fault.get("who", ""), "a bookkeeper"),
        "shown": shown,
        "unmapped": unmapped,
        "missing": missing,
        "more_missing": len(lacking) - len(missing),
        "targets": choices[:_MOST_CHOICES],
        "few": len(choices) * len(missing) <= _MOST_OPTIONS,
        "remap": row.code in _REMAP,
        "total": row.open + row.resolved + row.going,
    }
