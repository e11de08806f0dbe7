"""The last copies seen of what providers hold."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.canonical import Kind
from app.db.base import Json
from app.db.reading import Reads
from app.db.session import Session
from app.db.sync_tables import RemoteRecord
from app.errors import NotFound


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


async def lose_others(
    session: Session, firm_id: int, connection_id: int, kind: Kind, external_ids: Sequence[str]
) -> int:
    """All copies of a kind but these are of records that are gone; returns how many became so."""
    query = (
        update(RemoteRecord)
        .where(
            RemoteRecord.firm_id == firm_id,
            RemoteRecord.connection_id == connection_id,
            RemoteRecord.kind == kind.value,
            RemoteRecord.external_id.not_in(external_ids),
            ~RemoteRecord.gone,
        )
        .values(gone=True, updated_at=func.now())
        .returning(RemoteRecord.id)
    )
    return len((await session.execute(query)).all())


async def get(session: Reads, firm_id: int, record_id: int) -> Row[Any]:
    """One copy. Raises NotFound."""
    query = select(RemoteRecord).where(RemoteRecord.firm_id == firm_id, RemoteRecord.id == record_id)
    row: Any = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such remote record.", record={"kind": "remote_record", "id": record_id})
    found: Row[Any] = row
    return found


async def page(
    session: Reads,
    firm_id: int,
    *,
    after: int | None,
    limit: int,
    connection_id: int | None = None,
    kind: str | None = None,
    external_id: str | None = None,
    gone: bool | None = None,
) -> Sequence[Row[Any]]:
    """Copies in order of id."""
    query = select(RemoteRecord).where(RemoteRecord.firm_id == firm_id).order_by(RemoteRecord.id).limit(limit)
    given = {"connection_id": connection_id, "kind": kind, "external_id": external_id, "gone": gone}
    for name, value in given.items():
        if value is not None:
            query = query.where(getattr(RemoteRecord, name) == value)
    if after is not None:
        query = query.where(RemoteRecord.id > after)
    return (await session.execute(query)).all()


async def stored_since(session: Session, firm_id: int, connection_id: int, kind: Kind, moment: datetime) -> set[str]:
    """The ids of the copies that were stored or touched since then."""
    query = select(RemoteRecord.external_id).where(
        RemoteRecord.firm_id == firm_id,
        RemoteRecord.connection_id == connection_id,
        RemoteRecord.kind == kind.value,
        RemoteRecord.updated_at >= moment,
    )
    return {row.external_id for row in await session.execute(query)}


async def touch(session: Session, firm_id: int, connection_id: int, kind: Kind, external_ids: Collection[str]) -> None:
    """Take these copies for stored now, as they were found to be what is there."""
    await session.execute(
        update(RemoteRecord)
        .where(
            RemoteRecord.firm_id == firm_id,
            RemoteRecord.connection_id == connection_id,
            RemoteRecord.kind == kind.value,
            RemoteRecord.external_id.in_(external_ids),
        )
        .values(updated_at=func.now())
    )


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
