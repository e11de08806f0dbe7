"""What the providers hold, as last seen: bank transactions, and copies of every record. Read-only."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from app.books.inputs import Day, Id, Word
from app.db import bank_transactions, remote_records
from app.edge import paging
from app.edge.deps import FirmReads, Viewer
from app.edge.lean import LeanRoute
from app.edge.models import Answer, Moment, PageQuery, PathId, check_order, money
from app.edge.problems import may_raise
from app.edge.sync_bodies import PulledKind
from app.errors import Forbidden, Invalid, NotFound, Unauthenticated

router = APIRouter(
    prefix="/api/v1/accounting",
    tags=["books"],
    route_class=LeanRoute,
    responses=may_raise(Unauthenticated, Forbidden, Invalid),
)


class BankLineAnswer(Answer):
    """One line; `account_id` is the provider's id or code."""

    amount: str
    description: str
    account_id: str


class TransactionAnswer(Answer):
    """Money that moved on a bank account. Accounts and contact are the provider's ids."""

    id: int
    connection: int
    external_id: str
    type: Literal["spend", "receive", "transfer"]
    state: str
    date: date | None
    currency: str
    amount: str
    bank_account_id: str
    to_account_id: str
    contact_id: str
    contact_name: str
    reference: str
    lines: list[BankLineAnswer]
    created_at: Moment
    updated_at: Moment


class TransactionPage(Answer):
    """One page of bank transactions."""

    items: list[TransactionAnswer]
    next: str | None


class TransactionQuery(PageQuery):
    """Which transactions; bounds are inclusive."""

    connection_id: Id | None = None
    type: Literal["spend", "receive", "transfer"] | None = None
    state: Literal["open", "voided", "deleted", "draft"] | None = None
    date_from: Day | None = None
    date_to: Day | None = None


class RemoteRecordAnswer(Answer):
    """The last copy seen of a record there; `record` is in our vocabulary. `gone`: it was deleted."""

    id: int
    connection: int
    kind: str
    external_id: str
    version: str
    record: dict[str, Any]
    gone: bool
    remote_updated_at: Moment | None
    updated_at: Moment


class RemoteRecordPage(Answer):
    """One page of copies."""

    items: list[RemoteRecordAnswer]
    next: str | None


class RemoteRecordQuery(PageQuery):
    """Which copies."""

    connection_id: Id | None = None
    kind: PulledKind | None = None
    external_id: Word | None = None
    gone: bool | None = None


@router.get("/transactions", operation_id="transaction_list")
async def list_transactions(
    session: FirmReads, principal: Viewer, query: Annotated[TransactionQuery, Query()]
) -> TransactionPage:
    """Bank transactions in order of id."""
    check_order("date_from", query.date_from, "date_to", query.date_to)
    filters = bank_transactions.Filters(**query.model_dump(exclude={"cursor", "limit"}))
    after = paging.decode(query.cursor)
    rows = await bank_transactions.page(session, principal.firm_id, filters, after=after, limit=query.limit + 1)
    shown, following = paging.split(rows, query.limit)
    return TransactionPage(items=[_transaction(row) for row in shown], next=following)


@router.get("/transactions/{transaction_id}", operation_id="transaction_get", responses=may_raise(NotFound))
async def get_transaction(transaction_id: PathId, session: FirmReads, principal: Viewer) -> TransactionAnswer:
    """One bank transaction."""
    return _transaction(await bank_transactions.get(session, principal.firm_id, transaction_id))


@router.get("/remote-records", operation_id="remote_record_list")
async def list_remote_records(
    session: FirmReads, principal: Viewer, query: Annotated[RemoteRecordQuery, Query()]
) -> RemoteRecordPage:
    """Copies of what the providers hold, in order of id."""
    rows = await remote_records.page(
        session,
        principal.firm_id,
        after=paging.decode(query.cursor),
        limit=query.limit + 1,
        **query.model_dump(exclude={"cursor", "limit"}),
    )
    shown, following = paging.split(rows, query.limit)
    return RemoteRecordPage(items=[_copy(row) for row in shown], next=following)


@router.get("/remote-records/{record_id}", operation_id="remote_record_get", responses=may_raise(NotFound))
async def get_remote_record(record_id: PathId, session: FirmReads, principal: Viewer) -> RemoteRecordAnswer:
    """One copy."""
    return _copy(await remote_records.get(session, principal.firm_id, record_id))


def _copy(row: Any) -> RemoteRecordAnswer:
    return RemoteRecordAnswer.model_validate({**row._mapping, "connection": row.connection_id})  # noqa: SLF001


def _transaction(row: Any) -> TransactionAnswer:
    return TransactionAnswer.model_validate(
        {
            **row._mapping,  # noqa: SLF001  SQLAlchemy's own name for it
            "connection": row.connection_id,
            "date": row.moved_on,
            "amount": money(row.amount, row.currency),
            "bank_account_id": row.bank_account_external_id,
            "to_account_id": row.to_account_external_id,
            "contact_id": row.contact_external_id,
        }
    )
