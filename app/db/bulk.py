"""Many rows in one statement. Row-level security refuses COPY FROM, so rows travel as one jsonb value."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    any_,
    column,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import TableValuedAlias

from app.db.base import OfFirm
from app.db.session import Session

Values = Mapping[str, object]


def among(
    column_: InstrumentedAttribute[int]
    | InstrumentedAttribute[int | None]
    | InstrumentedAttribute[str | None]
    | InstrumentedAttribute[str],
    values: Collection[object],
) -> ColumnElement[bool]:
    """`column = ANY(array)`: one parameter and one prepared statement, however many values."""
    kind = Text() if isinstance(column_.type, Text) else BigInteger()
    return column_ == any_(literal(list(values), ARRAY(kind)))


async def insert_rows(session: Session, table: type[OfFirm], firm_id: int, rows: Sequence[Values]) -> list[int]:
    """Insert rows that all have the same columns; returns their ids in the order of `rows`.

    PostgreSQL numbers the rows of an ordered INSERT … SELECT in that order, so that sorting the ids restores it.
    """
    if not rows:
        return []
    names = list(rows[0])
    source = _recordset(table, names, rows)
    ordered = select(literal(firm_id), *(source.c[name] for name in names)).order_by(source.c.nth)
    statement = insert(table).from_select(["firm_id", *names], ordered).returning(table.id)
    return sorted((await session.execute(statement)).scalars())


async def update_rows(session: Session, table: type[OfFirm], firm_id: int, rows: Sequence[Values]) -> None:
    """Update rows of the firm by their `id`; all rows have the same columns."""
    if not rows:
        return
    names = list(rows[0])
    source = _recordset(table, names, rows)
    changes = {name: source.c[name] for name in names if name != "id"}
    await session.execute(
        update(table)
        .where(table.firm_id == firm_id, table.id == source.c.id)
        .values(changes | {"updated_at": func.now()})
    )


def _recordset(table: type[OfFirm], names: Sequence[str], rows: Sequence[Values]) -> TableValuedAlias:
    columns = [column(name, getattr(table, name).type) for name in names]
    numbered = [{**{name: _json(value) for name, value in row.items()}, "nth": n} for n, row in enumerate(rows)]
    recordset = func.jsonb_to_recordset(literal(numbered, JSONB))
    return recordset.table_valued(*columns, column("nth", Integer)).render_derived(name="given", with_types=True)


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, (date, datetime)) else value
