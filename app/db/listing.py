"""Statements of lists and of single records, made once: what changes from request to request are their values."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Integer, Select, any_, bindparam
from sqlalchemy.orm import InstrumentedAttribute

from app.db.base import OfFirm

AnySelect = Select[*tuple[Any, ...]]


def one_of(query: AnySelect, table: type[OfFirm]) -> AnySelect:
    """The row with an id. Values: `firm`, `id`."""
    return query.where(table.firm_id == bindparam("firm"), table.id == bindparam("id"))


def page_of(query: AnySelect, table: type[OfFirm]) -> AnySelect:
    """Rows in order of id. Values: `firm`, `after` (0 for the first page), `limit`."""
    mine = query.where(table.firm_id == bindparam("firm"), table.id > bindparam("after"))
    return mine.order_by(table.id).limit(bindparam("limit", type_=Integer))


def among_given(column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """`column = ANY(:ids)`."""
    return column == any_(bindparam("ids", type_=ARRAY(BigInteger)))
