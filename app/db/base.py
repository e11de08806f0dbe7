"""What all tables share: naming, column types, the firm's wall.

Money is numeric(19,4), quantities and unit prices numeric(19,6), moments are timestamptz, business dates are date.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SORTED = Text(collation="C")  # text that orders pages sorts the same on every server
MONEY = Numeric(19, 4)
QUANTITY = Numeric(19, 6)
MOMENT = DateTime(timezone=True)
Json = dict[str, Any]


class Table(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads this as declared)
        str: Text,
        int: BigInteger,
        bool: Boolean,
        datetime: MOMENT,
        date: Date,
        Decimal: MONEY,
        Json: JSONB,
        list[Any]: JSONB,
        bytes: LargeBinary,
    }


class Numbered:
    """A global bigint id and the two moments every row has."""

    id: Mapped[int] = mapped_column(Identity(always=False), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OfFirm(Numbered):
    """A row behind a firm's wall: `firm_id` leads every key that others may point at."""

    @declared_attr
    def firm_id(cls) -> Mapped[int]:  # noqa: N805  (SQLAlchemy hands over the class)
        """The wall."""
        return mapped_column(BigInteger, ForeignKey("firms.id", ondelete="CASCADE"))


def json_object() -> Mapped[Json]:
    return mapped_column(JSONB, server_default=text("'{}'::jsonb"))


def empty() -> Mapped[str]:
    return mapped_column(Text, server_default="")


def of_firm(column: str, target: str, **options: Any) -> ForeignKeyConstraint:
    """A reference that cannot leave the firm."""
    return ForeignKeyConstraint(["firm_id", column], [f"{target}.firm_id", f"{target}.id"], **options)
