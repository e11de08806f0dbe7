"""Accounts: the firm's own chart."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select

from app.db.bulk import among
from app.db.ledger_tables import Account
from app.db.listing import one_of, page_of
from app.db.reading import Reads
from app.db.session import Session
from app.errors import NotFound

AccountRow = Row[*tuple[Any, ...]]

_ONE, _PAGE = one_of(select(Account), Account), page_of(select(Account), Account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of accounts may be narrowed by. `search` is a part of code or name, in either case."""

    external_ref: str | None = None
    code: str | None = None
    type: str | None = None
    parent_code: str | None = None
    active: bool | None = None
    search: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters that are set, as SQL."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_NARROW[name](value) for name, value in given.items() if value is not None]


def _found(text: str) -> ColumnElement[bool]:
    return or_(Account.code.icontains(text, autoescape=True), Account.name.icontains(text, autoescape=True))


_NARROW: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "external_ref": lambda ref: Account.external_ref == ref,
    "code": lambda code: Account.code == code,
    "type": lambda kind: Account.type == kind,
    "parent_code": lambda code: Account.parent_code == code,
    "active": Account.active.is_,
    "search": _found,
}


async def get(session: Reads, firm_id: int, account_id: int) -> AccountRow:
    """One account. Raises NotFound."""
    row = (await session.execute(_ONE, {"firm": firm_id, "id": account_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such account.", record={"kind": "account", "id": account_id})
    return row


async def page(
    session: Reads, firm_id: int, filters: Filters, *, after: int | None, limit: int
) -> Sequence[AccountRow]:
    """Accounts in order of id."""
    conditions = filters.conditions()
    query = _PAGE.where(*conditions) if conditions else _PAGE
    return (await session.execute(query, {"firm": firm_id, "after": after or 0, "limit": limit})).all()


async def named(
    session: Session, firm_id: int, ids: Collection[int], refs: Collection[str], codes: Collection[str]
) -> Sequence[AccountRow]:
    """The accounts with these ids, external refs or codes, locked until the transaction ends."""
    wanted = or_(among(Account.id, ids), among(Account.external_ref, refs), among(Account.code, codes))
    query = select(Account).where(Account.firm_id == firm_id, wanted).order_by(Account.id).with_for_update()
    return (await session.execute(query)).all()


async def parents(session: Session, firm_id: int) -> dict[str, str]:
    """The code of every account and that of its parent (empty: none)."""
    query = select(Account.code, Account.parent_code).where(Account.firm_id == firm_id)
    return {row.code: row.parent_code for row in await session.execute(query)}
