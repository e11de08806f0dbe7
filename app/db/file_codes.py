"""Codes as files need them: the whole chart, and every mapping with its name there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, or_, select

from app.db.code_mappings import TABLES, CodeKind
from app.db.ledger_tables import Account
from app.db.session import Session
from app.db.tables import Client

AccountRow = Row[Any]
MappedRow = Row[Any]


async def chart(session: Session, firm_id: int) -> Sequence[AccountRow]:
    """Every account of the firm, in order of its code."""
    query = select(Account).where(Account.firm_id == firm_id).order_by(Account.code)
    return (await session.execute(query)).all()


async def mapped(
    session: Session, firm_id: int, kind: CodeKind, provider: str, connection_id: int | None
) -> dict[str, tuple[str, str]]:
    """Our code → (their code, their name); what a connection says goes before what holds for all."""
    table = TABLES[kind]
    query = (
        select(table.internal_code, table.external_code, table.external_name)
        .where(
            table.firm_id == firm_id,
            table.provider == provider,
            or_(table.connection_id.is_(None), table.connection_id == connection_id),
        )
        .order_by(table.connection_id.asc().nulls_first())
    )
    rows = await session.execute(query)
    return {row.internal_code: (row.external_code, row.external_name) for row in rows}


async def clients(session: Session, firm_id: int) -> Sequence[Row[Any]]:
    """Every client of the firm, by name."""
    query = select(Client).where(Client.firm_id == firm_id).order_by(Client.name, Client.id)
    return (await session.execute(query)).all()
