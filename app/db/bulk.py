"""Many rows in one statement. Row-level security refuses COPY FROM, so rows travel as one array per column."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Cast,
    ColumnElement,
    Date,
    DateTime,
    Function,
    Numeric,
    Text,
    any_,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

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
    given, source = _given(table, names, rows)
    ordered = select(literal(firm_id), *given.values()).order_by(source.c.nth)
    statement = insert(table).from_select(["firm_id", *names], ordered).returning(table.id)
    return sorted((await session.execute(statement)).scalars())


async def update_rows(session: Session, table: type[OfFirm], firm_id: int, rows: Sequence[Values]) -> None:
    """Update rows of the firm by their `id`; all rows have the same columns."""
    if not rows:
        return
    names = list(rows[0])
    given, _ = _given(table, names, rows)
    changes = {name: value for name, value in given.items() if name != "id"}
    await session.execute(
        update(table)
        .where(table.firm_id == firm_id, table.id == given["id"])
        .values(changes | {"updated_at": func.now()})
    )


def _given(
    table: type[OfFirm], names: Sequence[str], rows: Sequence[Values]
) -> tuple[dict[str, Cast[Any]], TableValuedAlias]:
    """The columns of these rows, and what they come from, which numbers the rows by `nth`."""
    types = {name: getattr(table, name).type for name in names}
    texts = [_texts([row[name] for row in rows], types[name]) for name in names]
    source = func.unnest(*texts).table_valued(*names, with_ordinality="nth").render_derived(name="given")
    return {name: cast(source.c[name], types[name]) for name in names}, source


def _texts(values: list[Any], kind: TypeEngine[Any]) -> Function[Any]:
    """A column as an array of texts. It travels as one JSON value: quicker than the driver's own arrays by far."""
    if isinstance(kind, Numeric):
        values = [None if value is None else str(value) for value in values]
    elif isinstance(kind, (Date, DateTime)):
        values = [None if value is None else value.isoformat() for value in values]
    return func.array(select(func.jsonb_array_elements_text(literal(values, JSONB))).scalar_subquery())
