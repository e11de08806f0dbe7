"""`/api/v1/accounting/invoices`: the firm's own sales invoices."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Discriminator, Field, Tag

from app.api.batches import BATCH, ONE, BatchAnswer, batch_answer, which
from app.books import invoices as books
from app.books.inputs import MAX_ITEMS, Day, Id, Input, InvoiceIn, Number, Reference
from app.db import invoices
from app.db.reading import Reads
from app.edge import paging
from app.edge.deps import BellDep, FirmReads, FirmSession, Member, Viewer
from app.edge.exact import ExactRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, Since, check_order, money, number
from app.edge.problems import may_raise
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

Status = Literal["draft", "approved", "partially_paid", "paid", "void"]
router = APIRouter(
    prefix="/api/v1/accounting/invoices",
    tags=["books"],
    route_class=ExactRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class InvoiceBatch(Input):
    """Up to 1,000 invoices; all are stored, or none."""

    items: Annotated[list[InvoiceIn], Field(min_length=1, max_length=MAX_ITEMS)]


InvoiceBody = Annotated[Annotated[InvoiceBatch, Tag(BATCH)] | Annotated[InvoiceIn, Tag(ONE)], Discriminator(which)]


class LineAnswer(Answer):
    """One line; amounts with the currency's minor digits."""

    description: str
    quantity: str
    unit_price: str
    discount_percent: str
    amount: str
    account_code: str
    item_code: str
    tax_code: str
    tax_amount: str
    service_date: date | None
    tracking: dict[str, str]


class InvoiceAnswer(Answer):
    """An invoice. `amount_paid`, `paid_date` and the statuses after `approved` are what the providers told."""

    id: int
    external_ref: str | None
    number: str
    client_id: int
    client_ref: str | None
    issue_date: date
    due_date: date
    currency: str
    tax_mode: str
    lines: list[LineAnswer]
    memo: str
    private_note: str
    subtotal: str
    tax_total: str
    total: str
    status: Status
    overdue: bool
    amount_paid: str
    paid_date: date | None
    revision: int
    changed_since_sync: bool
    created_at: Moment
    updated_at: Moment


class InvoicePage(Answer):
    """One page of invoices."""

    items: list[InvoiceAnswer]
    next: str | None


class InvoiceQuery(PageQuery):
    """Which invoices; bounds are inclusive."""

    external_ref: Reference | None = None
    number: Number | None = None
    status: Status | None = None
    overdue: bool | None = None
    client_id: Id | None = None
    client_ref: Reference | None = None
    issued_from: Day | None = None
    issued_to: Day | None = None
    due_from: Day | None = None
    due_to: Day | None = None
    updated_since: Since | None = None

    def filters(self) -> invoices.Filters:
        """The same without the page. Raises Invalid with code `dates_reversed`."""
        check_order("issued_from", self.issued_from, "issued_to", self.issued_to)
        check_order("due_from", self.due_from, "due_to", self.due_to)
        return invoices.Filters(**self.model_dump(exclude={"cursor", "limit"}))


@router.post("", operation_id="invoice_upsert", responses={201: {"model": InvoiceAnswer}})
async def upsert(
    body: InvoiceBody, response: Response, session: FirmSession, principal: Member, bell: BellDep
) -> InvoiceAnswer | BatchAnswer:
    """Create or change one invoice, or up to 1,000 with `items`. A record is named by `id` or `external_ref`.

    The sums are checked to the cent: a line's amount is quantity × unit price less discount, rounded half up; tax_total
    is the sum of the lines' tax; the total is what both come to (`inclusive`: the amounts hold the tax already).
    """
    single = isinstance(body, InvoiceIn)
    items = [body] if isinstance(body, InvoiceIn) else body.items
    saved = await books.save_invoices(session, principal.firm_id, items, single=single)
    bell |= saved.connections
    if not single:
        return batch_answer(saved.outcomes)
    response.status_code = 201 if saved.outcomes[0].result == "created" else 200
    return await _one(session, principal.firm_id, saved.outcomes[0].id)


@router.get("", operation_id="invoice_list")
async def list_invoices(session: FirmReads, principal: Viewer, query: Annotated[InvoiceQuery, Query()]) -> InvoicePage:
    """Invoices in order of id."""
    after = paging.decode(query.cursor)
    rows = await invoices.page(session, principal.firm_id, query.filters(), after=after, limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return InvoicePage(items=await _answers(session, principal.firm_id, shown), next=following)


@router.get("/{invoice_id}", operation_id="invoice_get", responses=may_raise(NotFound))
async def get(invoice_id: PathId, session: FirmReads, principal: Viewer) -> InvoiceAnswer:
    """One invoice."""
    return await _one(session, principal.firm_id, invoice_id)


@router.post("/{invoice_id}/void", operation_id="invoice_void", responses=may_raise(NotFound, Conflict))
async def void(invoice_id: PathId, session: FirmSession, principal: Member, bell: BellDep) -> InvoiceAnswer:
    """Void an invoice, here and where it was pushed. Refused while payments are set against it."""
    bell |= await books.void_invoice(session, principal.firm_id, invoice_id, actor=principal.subject)
    return await _one(session, principal.firm_id, invoice_id)


async def _one(session: Reads, firm_id: int, invoice_id: int) -> InvoiceAnswer:
    return (await _answers(session, firm_id, [await invoices.get(session, firm_id, invoice_id)]))[0]


async def _answers(session: Reads, firm_id: int, rows: Sequence[Any]) -> list[InvoiceAnswer]:
    lines = await invoices.lines_of(session, firm_id, [row.id for row in rows])
    return [_answer(row, lines[row.id]) for row in rows]


def _answer(row: Any, lines: Sequence[Any]) -> InvoiceAnswer:
    return InvoiceAnswer.model_validate(
        {
            **row._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
            **{
                name: money(getattr(row, name), row.currency)
                for name in ("subtotal", "tax_total", "total", "amount_paid")
            },
            "lines": [_line(line, row.currency) for line in lines],
        }
    )


def _line(line: Any, currency: str) -> dict[str, object]:
    texts: dict[str, Decimal] = {name: getattr(line, name) for name in ("quantity", "unit_price", "discount_percent")}
    return {
        **line._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
        **{name: number(value) for name, value in texts.items()},
        "amount": money(line.amount, currency),
        "tax_amount": money(line.tax_amount, currency),
    }
