"""Clients: the firm's own customers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, or_, select

from app.db.bulk import among
from app.db.listing import one_of, page_of
from app.db.reading import Reads
from app.db.session import Session
from app.db.sync_tables import CustomerSyncMapping
from app.db.tables import Client, Connection
from app.errors import NotFound

ClientRow = Row[*tuple[Any, ...]]

# Whether a company holds an older revision than ours.
_CHANGED = exists().where(
    CustomerSyncMapping.firm_id == Client.firm_id,
    CustomerSyncMapping.client_id == Client.id,
    CustomerSyncMapping.external_id.is_not(None),
    CustomerSyncMapping.base_revision < Client.revision,
)
_SELECT = select(Client, _CHANGED.label("changed_since_sync"))
_ONE, _PAGE = one_of(_SELECT, Client), page_of(_SELECT, Client)


async def get(session: Reads, firm_id: int, client_id: int) -> ClientRow:
    """One client. Raises NotFound."""
    row = (await session.execute(_ONE, {"firm": firm_id, "id": client_id})).one_or_none()
    if row is None:
        raise NotFound("There is no such client.", record={"kind": "client", "id": client_id})
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list of clients may be narrowed by. `search` is a part of name, company or e-mail, in either case."""

    external_ref: str | None = None
    search: str | None = None
    active: bool | None = None
    connection_id: int | None = None
    updated_since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filters that are set, as SQL."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return [_NARROW[name](value) for name, value in given.items() if value is not None]


def _found(text: str) -> ColumnElement[bool]:
    columns = (Client.name, Client.company_name, Client.email)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


_NARROW: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "external_ref": lambda ref: Client.external_ref == ref,
    "search": _found,
    "active": lambda active: Client.active == active,
    "connection_id": lambda connection_id: Client.connection_id == connection_id,
    "updated_since": lambda moment: Client.updated_at >= moment,
}


async def page(session: Reads, firm_id: int, filters: Filters, *, after: int | None, limit: int) -> Sequence[ClientRow]:
    """Clients in order of id."""
    conditions = filters.conditions()
    query = _PAGE.where(*conditions) if conditions else _PAGE
    return (await session.execute(query, {"firm": firm_id, "after": after or 0, "limit": limit})).all()


async def called(session: Session, firm_id: int, words: str) -> Sequence[ClientRow]:
    """Up to three clients in use with this external ref, or else with this name in either case."""
    for condition in (Client.external_ref == words, func.lower(Client.name) == words.lower()):
        query = _SELECT.where(Client.firm_id == firm_id, Client.active, condition).order_by(Client.id).limit(3)
        if found := (await session.execute(query)).all():
            return found
    return ()


async def named(session: Session, firm_id: int, ids: Collection[int], refs: Collection[str]) -> Sequence[ClientRow]:
    """The clients with these ids or external refs, locked until the transaction ends."""
    wanted = or_(among(Client.id, ids), among(Client.external_ref, refs))
    query = select(Client).where(Client.firm_id == firm_id, wanted).order_by(Client.id).with_for_update()
    return (await session.execute(query)).all()


async def resolve(session: Session, firm_id: int, ids: Collection[int], refs: Collection[str]) -> Sequence[ClientRow]:
    """`id, external_ref` of the clients with these ids or external refs."""
    wanted = or_(among(Client.id, ids), among(Client.external_ref, refs))
    query = select(Client.id, Client.external_ref).where(Client.firm_id == firm_id, wanted)
    return (await session.execute(query)).all()


async def usable_homes(session: Session, firm_id: int, connection_ids: Collection[int]) -> set[int]:
    """Which of these connections the firm has and has not ended."""
    query = select(Connection.id).where(
        Connection.firm_id == firm_id, among(Connection.id, connection_ids), Connection.status != "revoked"
    )
    return set((await session.execute(query)).scalars())
