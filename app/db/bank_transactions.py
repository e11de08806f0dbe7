"""Bank transactions: money that moved on a company's bank accounts, as the provider tells it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.canonical import RemoteBankTransaction
from app.db.ledger_tables import BankTransaction
from app.db.reading import Reads
from app.db.session import Session
from app.errors import NotFound

TransactionRow = Row[*tuple[Any, ...]]


async def save(session: Session, firm_id: int, connection_id: int, record: RemoteBankTransaction) -> bool:
    """Store one as it is now; True when it is new or differs."""
    values = {
        "firm_id": firm_id,
        "connection_id": connection_id,
        "external_id": record.external_id,
        "version": record.version,
        "type": record.type,
        "state": record.state.value,
        "moved_on": record.on,
        "currency": record.currency,
        "amount": record.amount,
        "bank_account_external_id": record.bank_account_id,
        "to_account_external_id": record.to_account_id,
        "contact_external_id": record.contact_id,
        "contact_name": record.contact_name,
        "reference": record.reference,
        "lines": [asdict(line) for line in record.lines],
    }
    statement = insert(BankTransaction).values(values)
    kept = {name: statement.excluded[name] for name in values if name not in ("firm_id", "connection_id")}
    differs = or_(*(getattr(BankTransaction, name).is_distinct_from(kept[name]) for name in kept))
    query = statement.on_conflict_do_update(
        index_elements=["connection_id", "external_id"], set_={**kept, "updated_at": func.now()}, where=differs
    ).returning(BankTransaction.id)
    return (await session.execute(query)).one_or_none() is not None


async def remove(session: Session, firm_id: int, connection_id: int, external_id: str) -> bool:
    """It was deleted there: kept here as such. True when that is news."""
    query = (
        update(BankTransaction)
        .where(
            BankTransaction.firm_id == firm_id,
            BankTransaction.connection_id == connection_id,
            BankTransaction.external_id == external_id,
            BankTransaction.state != "deleted",
        )
        .values(state="deleted", updated_at=func.now())
        .returning(BankTransaction.id)
    )
    return (await session.execute(query)).one_or_none() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of transactions may be narrowed by; bounds are inclusive."""

    connection_id: int | None = None
    type: str | None = None
    state: str | None = None
    date_from: date | None = None
    date_to: date | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters that are set, as SQL."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_NARROW[name](value) for name, value in given.items() if value is not None]


_NARROW: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "connection_id": lambda connection: BankTransaction.connection_id == connection,
    "type": lambda kind: BankTransaction.type == kind,
    "state": lambda state: BankTransaction.state == state,
    "date_from": lambda day: BankTransaction.moved_on >= day,
    "date_to": lambda day: BankTransaction.moved_on <= day,
}


async def get(session: Reads, firm_id: int, transaction_id: int) -> TransactionRow:
    """One transaction. Raises NotFound."""
    query = select(BankTransaction).where(BankTransaction.firm_id == firm_id, BankTransaction.id == transaction_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such transaction.", record={"kind": "bank_transaction", "id": transaction_id})
    return row


async def page(
    session: Reads, firm_id: int, filters: Filters, *, after: int | None, limit: int
) -> Sequence[TransactionRow]:
    """Transactions in order of id."""
    query = select(BankTransaction).where(BankTransaction.firm_id == firm_id, *filters.conditions())
    if after is not None:
        query = query.where(BankTransaction.id > after)
    return (await session.execute(query.order_by(BankTransaction.id).limit(limit))).all()
