"""The last copies seen of what providers hold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert

from app.canonical import Kind
from app.db.base import Json
from app.db.session import Session
from app.db.sync_tables import RemoteRecord


async def save(  # noqa: PLR0913  (the columns of the copy)
    session: Session,
    firm_id: int,
    connection_id: int,
    kind: Kind,
    external_id: str,
    *,
    version: str,
    record: Json,
    updated_at: datetime | None,
    gone: bool = False,
) -> bool:
    """Store a copy; True when it differs from the one before."""
    values = {
        "firm_id": firm_id,
        "connection_id": connection_id,
        "kind": kind.value,
        "external_id": external_id,
        "version": version,
        "record": record,
        "gone": gone,
        "remote_updated_at": updated_at,
    }
    statement = insert(RemoteRecord).values(values)
    new = statement.excluded
    kept = {"version": new.version, "gone": new.gone, "remote_updated_at": new.remote_updated_at}
    kept |= {} if gone else {"record": new.record}
    differs = (RemoteRecord.gone != new.gone) | (RemoteRecord.version != new.version)
    if not gone:
        differs |= RemoteRecord.record != new.record
    query = statement.on_conflict_do_update(
        index_elements=["connection_id", "kind", "external_id"],
        set_={**kept, "updated_at": func.now()},
        where=differs,
    ).returning(RemoteRecord.id)
    return (await session.execute(query)).one_or_none() is not None


async def seen(
    session: Session, firm_id: int, connection_id: int, kind: Kind, external_ids: Sequence[str]
) -> dict[str, Row[Any]]:
    """The copies of these ids, by id."""
    query = select(RemoteRecord).where(
        RemoteRecord.firm_id == firm_id,
        RemoteRecord.connection_id == connection_id,
        RemoteRecord.kind == kind.value,
        RemoteRecord.external_id.in_(external_ids),
    )
    return {row.external_id: row for row in await session.execute(query)}
