"""`/api/v1/accounting/journal-entries`: the firm's own general journals."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Discriminator, Field, Tag

from app.api.batches import BATCH, ONE, BatchAnswer, batch_answer, which
from app.books import journals as books
from app.books.inputs import MAX_ITEMS, Day, Input, Number, Reference
from app.books.ledger_inputs import JournalEntryIn
from app.db import journals
from app.db.reading import Reads
from app.edge import paging
from app.edge.deps import BellDep, FirmReads, FirmSession, Member, Viewer
from app.edge.exact import ExactRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, Since, check_order, money
from app.edge.problems import may_raise
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

Status = Literal["draft", "approved", "posted", "void"]
router = APIRouter(
    prefix="/api/v1/accounting/journal-entries",
    tags=["books"],
    route_class=ExactRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class JournalEntryBatch(Input):
    """Up to 1,000 journal entries; all are stored, or none."""

    items: Annotated[list[JournalEntryIn], Field(min_length=1, max_length=MAX_ITEMS)]


JournalEntryBody = Annotated[
    Annotated[JournalEntryBatch, Tag(BATCH)] | Annotated[JournalEntryIn, Tag(ONE)], Discriminator(which)
]


class JournalLineAnswer(Answer):
    """One side; amounts with the currency's minor digits."""

    account_code: str
    debit: str
    credit: str
    description: str
    client_id: int | None
    client_ref: str | None
    tax_code: str
    tracking: dict[str, str]


class JournalEntryAnswer(Answer):
    """A journal entry; `total` is the sum of its debits."""

    id: int
    external_ref: str | None
    number: str
    date: date
    narration: str
    currency: str
    lines: list[JournalLineAnswer]
    total: str
    status: Status
    revision: int
    changed_since_sync: bool
    created_at: Moment
    updated_at: Moment


class JournalEntryPage(Answer):
    """One page of journal entries."""

    items: list[JournalEntryAnswer]
    next: str | None


class JournalEntryQuery(PageQuery):
    """Which journal entries; bounds are inclusive."""

    external_ref: Reference | None = None
    number: Number | None = None
    status: Status | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    updated_since: Since | None = None

    def filters(self) -> journals.Filters:
        """The same without the page. Raises Invalid with code `dates_reversed`."""
        check_order("date_from", self.date_from, "date_to", self.date_to)
        return journals.Filters(**self.model_dump(exclude={"cursor", "limit"}))


class Reversal(Input):
    """On which day; the entry's own if absent."""

    date: Day | None = None


@router.post("", operation_id="journal_entry_upsert", responses={201: {"model": JournalEntryAnswer}})
async def upsert(
    body: JournalEntryBody, response: Response, session: FirmSession, principal: Member, bell: BellDep
) -> JournalEntryAnswer | BatchAnswer:
    """Create or change one entry, or up to 1,000 with `items`. A record is named by `id` or `external_ref`.

    Debits and credits must be equal to the cent. A `posted` entry is pushed by itself, an `approved` one when a push
    names it.
    """
    single = isinstance(body, JournalEntryIn)
    items = [body] if isinstance(body, JournalEntryIn) else body.items
    saved = await books.save_entries(session, principal.firm_id, items, single=single)
    bell |= saved.connections
    if not single:
        return batch_answer(saved.outcomes)
    response.status_code = 201 if saved.outcomes[0].result == "created" else 200
    return await _one(session, principal.firm_id, saved.outcomes[0].id)


@router.get("", operation_id="journal_entry_list")
async def list_entries(
    session: FirmReads, principal: Viewer, query: Annotated[JournalEntryQuery, Query()]
) -> JournalEntryPage:
    """Journal entries in order of id."""
    after = paging.decode(query.cursor)
    rows = await journals.page(session, principal.firm_id, query.filters(), after=after, limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return JournalEntryPage(items=await _answers(session, principal.firm_id, shown), next=following)


@router.get("/{entry_id}", operation_id="journal_entry_get", responses=may_raise(NotFound))
async def get(entry_id: PathId, session: FirmReads, principal: Viewer) -> JournalEntryAnswer:
    """One journal entry."""
    return await _one(session, principal.firm_id, entry_id)


@router.post("/{entry_id}/void", operation_id="journal_entry_void", responses=may_raise(NotFound, Conflict))
async def void(entry_id: PathId, session: FirmSession, principal: Member, bell: BellDep) -> JournalEntryAnswer:
    """Void an entry, here and where it was pushed. Where the provider voids no journals, reverse it instead."""
    bell |= await books.void_entry(session, principal.firm_id, entry_id, actor=principal.subject)
    return await _one(session, principal.firm_id, entry_id)


@router.post(
    "/{entry_id}/reverse",
    operation_id="journal_entry_reverse",
    status_code=201,
    responses={200: {"model": JournalEntryAnswer}, **may_raise(NotFound, Conflict)},
)
async def reverse(
    entry_id: PathId,
    response: Response,
    session: FirmSession,
    principal: Member,
    bell: BellDep,
    body: Reversal | None = None,
) -> JournalEntryAnswer:
    """Post the opposite of a posted entry; answers the new one, or the one that reversed it before."""
    day = body.date if body else None
    saved = await books.reverse_entry(session, principal.firm_id, entry_id, day, actor=principal.subject)
    bell |= saved.connections
    response.status_code = 201 if saved.outcomes[0].result == "created" else 200
    return await _one(session, principal.firm_id, saved.outcomes[0].id)


async def _one(session: Reads, firm_id: int, entry_id: int) -> JournalEntryAnswer:
    return (await _answers(session, firm_id, [await journals.get(session, firm_id, entry_id)]))[0]


async def _answers(session: Reads, firm_id: int, rows: Sequence[Any]) -> list[JournalEntryAnswer]:
    lines = await journals.lines_of(session, firm_id, [row.id for row in rows])
    return [_answer(row, lines[row.id]) for row in rows]


def _answer(row: Any, lines: Sequence[Any]) -> JournalEntryAnswer:
    return JournalEntryAnswer.model_validate(
        {
            **row._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
            "date": row.entry_date,
            "total": money(row.total, row.currency),
            "lines": [
                {
                    **line._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
                    "debit": money(line.debit, row.currency),
                    "credit": money(line.credit, row.currency),
                }
                for line in lines
            ],
        }
    )
