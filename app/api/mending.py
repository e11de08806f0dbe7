"""`/api/v1/accounting/mappings/{kind}`: mappings of any kind, and what a person decides about them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from app.books.inputs import Id, Input, Word
from app.canonical import Kind
from app.db import mappings
from app.db.mending import Choice
from app.edge import paging
from app.edge.deps import FirmReads, Member, RuntimeDep, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, PageQuery, PathId
from app.edge.problems import may_raise
from app.edge.sync_answers import AnyMappingAnswer, mapping_answer
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from app.sync import mending

router = APIRouter(
    prefix="/api/v1/accounting/mappings",
    tags=["mappings"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)
MappedKind = Literal["customer", "invoice", "journal_entry"]
State = Literal[
    "pending",
    "in_flight",
    "waiting",
    "unknown",
    "synced",
    "unchanged",
    "excluded",
    "superseded",
    "error",
    "conflict",
    "parked",
]


class AnyMappingPage(Answer):
    """One page of mappings of a kind."""

    items: list[AnyMappingAnswer]
    next: str | None


class AnyMappingQuery(PageQuery):
    """Which mappings."""

    connection_id: Id | None = None
    record_id: Id | None = None
    sync_status: Literal["synced", "pending", "error"] | None = None
    state: State | None = None
    code: Word | None = Field(None, description="The code of their fault, such as `account_unmapped`.")


class Which(Input):
    """Which mappings to decide about; at least one condition."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)] | None = None
    connection_id: Id | None = None
    state: Literal["pending", "waiting", "error", "conflict", "parked", "excluded"] | None = None
    code: Word | None = None

    def choice(self) -> Choice:
        """As the use case takes it. Raises Invalid without any condition: everything is asked for by saying so."""
        if not self.model_fields_set:
            raise Invalid("Say which mappings: by ids, connection, state or code.", code="filter_missing")
        return Choice(**self.model_dump())


class Decision(Answer):
    """How many mappings were decided about, which, and the runs that carry it out by connection."""

    count: int
    mapping_ids: list[int]
    runs: dict[int, int]


@router.get("/{kind}", operation_id="mapping_list")
async def list_mappings(
    kind: MappedKind, session: FirmReads, principal: Viewer, query: Annotated[AnyMappingQuery, Query()]
) -> AnyMappingPage:
    """Mappings of one kind in order of id."""
    rows = await mappings.page(
        session,
        principal.firm_id,
        Kind(kind),
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        **query.model_dump(exclude={"cursor", "limit"}),
    )
    shown, following = paging.split(rows, query.limit)
    return AnyMappingPage(items=[mapping_answer(Kind(kind), row) for row in shown], next=following)


@router.get("/{kind}/{mapping_id}", operation_id="mapping_get", responses=may_raise(NotFound))
async def get(kind: MappedKind, mapping_id: PathId, session: FirmReads, principal: Viewer) -> AnyMappingAnswer:
    """One mapping."""
    return mapping_answer(Kind(kind), await mappings.get(session, principal.firm_id, Kind(kind), mapping_id))


@router.post("/{kind}/retry", operation_id="mapping_retry_many", responses=may_raise(NotFound, Conflict))
async def retry_many(kind: MappedKind, body: Which, runtime: RuntimeDep, principal: Member) -> Decision:
    """Try again all that match and failed, wait or were left out."""
    done = await mending.retry(runtime.db, principal.firm_id, Kind(kind), body.choice(), actor=principal.subject)
    return _decision(done)


@router.post("/{kind}/skip", operation_id="mapping_skip_many", responses=may_raise(NotFound, Conflict))
async def skip_many(kind: MappedKind, body: Which, runtime: RuntimeDep, principal: Member) -> Decision:
    """Leave out all that match and have not reached the provider, until they are edited or retried."""
    done = await mending.skip(runtime.db, principal.firm_id, Kind(kind), body.choice(), actor=principal.subject)
    return _decision(done)


@router.post("/{kind}/{mapping_id}/retry", operation_id="mapping_retry", responses=may_raise(NotFound, Conflict))
async def retry(kind: MappedKind, mapping_id: PathId, runtime: RuntimeDep, principal: Member) -> Decision:
    """Try one again. What was deleted or voided there is written anew."""
    choice = Choice(ids=[mapping_id])
    done = await mending.retry(runtime.db, principal.firm_id, Kind(kind), choice, actor=principal.subject)
    return _decision(done)


@router.post("/{kind}/{mapping_id}/skip", operation_id="mapping_skip", responses=may_raise(NotFound, Conflict))
async def skip(kind: MappedKind, mapping_id: PathId, runtime: RuntimeDep, principal: Member) -> Decision:
    """Leave one out until it is edited or retried."""
    choice = Choice(ids=[mapping_id])
    done = await mending.skip(runtime.db, principal.firm_id, Kind(kind), choice, actor=principal.subject)
    return _decision(done)


def _decision(done: mending.Mended) -> Decision:
    ids = [one.mapping_id for one in done.decided]
    return Decision(count=len(ids), mapping_ids=ids[:1000], runs=done.runs)
