"""Which columns hold sealed values, what each is bound to, and sealing all of them anew under the first key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, and_, func, or_, select, update

from app.crypto import KeyRing, Unreadable
from app.db.session import Database
from app.db.tables import Grant, OAuthState, PendingConnection

_BATCH = 200


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A table with sealed columns. A value is bound to its table, its row's `key` and its column."""

    table: Table
    key: ColumnElement[Any]
    columns: tuple[str, ...]
    of_firm: bool


_SEALED: Final = (
    _Sealed(Grant.__table__, Grant.id, ("sealed_access", "sealed_refresh", "sealed_previous"), of_firm=False),  # type: ignore[arg-type]  # a declarative class has a Table
    _Sealed(PendingConnection.__table__, PendingConnection.token_hash, ("sealed_grant",), of_firm=True),  # type: ignore[arg-type]  # the same
    _Sealed(OAuthState.__table__, OAuthState.state_hash, ("sealed_verifier",), of_firm=True),  # type: ignore[arg-type]  # the same
)


def context(table: str, key: object, column: str) -> str:
    """What a sealed value is bound to: `grants:7:sealed_access`."""
    return f"{table}:{key}:{column}"


async def reseal_all(database: Database, keys: KeyRing) -> dict[str, int]:
    """Seal every value anew under the first key; how many rows by table, and how many no key of ours opens.

    Safe while the service runs and after being broken off: rows under the first key are not read, and a value that
    changed since it was read is left alone, because whoever changed it used the first key.
    """
    counts = {one.table.name: 0 for one in _SEALED} | {"unreadable": 0}
    for one in _SEALED:
        rows = await _page(database, one, keys, after=None)
        while rows:
            for row in rows:
                counts[one.table.name if await _reseal(database, one, keys, row) else "unreadable"] += 1
            rows = await _page(database, one, keys, after=rows[-1].key)
    return counts


async def _page(database: Database, one: _Sealed, keys: KeyRing, *, after: object) -> Sequence[Row[Any]]:
    current = f"v1.{keys.primary_key_id}."
    columns = [one.table.c[name] for name in one.columns]
    outdated = or_(*(and_(column != "", ~func.starts_with(column, current)) for column in columns))
    firm = [one.table.c.firm_id] if one.of_firm else []
    query = select(one.key.label("key"), *columns, *firm).where(outdated).order_by(one.key).limit(_BATCH)
    if after is not None:
        query = query.where(one.key > after)
    async with database.system() as session:
        return (await session.execute(query)).all()


async def _reseal(database: Database, one: _Sealed, keys: KeyRing, row: Row[Any]) -> bool:
    old = {name: sealed for name in one.columns if (sealed := getattr(row, name))}
    try:
        new = {name: _anew(keys, sealed, context(one.table.name, row.key, name)) for name, sealed in old.items()}
    except Unreadable:
        return False
    unchanged = [one.table.c[name] == sealed for name, sealed in old.items()]
    change = update(one.table).where(one.key == row.key, *unchanged).values(new)
    # The system role may take journeys' secrets, but only their firm may change them.
    async with database.firm(row.firm_id) if one.of_firm else database.system() as session:
        await session.execute(change)
    return True


def _anew(keys: KeyRing, sealed: str, place: str) -> str:
    return keys.seal(keys.open(sealed, context=place), context=place)
