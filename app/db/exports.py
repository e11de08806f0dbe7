"""Reading the books for a file by COPY, in one snapshot; and the log of what went out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Row, func, insert, select, text, update

from app.canonical import MINOR_DIGITS
from app.db.file_tables import ExportLog
from app.db.reading import Reads
from app.db.session import Session
from app.errors import NotFound

LogRow = Row[Any]
Chunks = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which journal entries go out; bounds are inclusive. `without` are ids as PostgreSQL's text of a multirange."""

    status: str
    date_from: date | None = None
    date_to: date | None = None
    ids: Sequence[int] | None = None
    currency: str | None = None
    without: str = "{}"

    def values(self) -> list[Any]:
        """The parameters $2 to $7."""
        return [getattr(self, field.name) for field in fields(self)]


_SIDES = "JOIN journal_lines l ON l.firm_id = j.firm_id AND l.journal_entry_id = j.id"
_CLIENTS = "LEFT JOIN clients c ON c.firm_id = l.firm_id AND c.id = l.client_id"
_WHERE = """WHERE j.firm_id = $1 AND j.status = $2 AND ($3::date IS NULL OR j.entry_date >= $3)
      AND ($4::date IS NULL OR j.entry_date <= $4) AND ($5::bigint[] IS NULL OR j.id = ANY($5))
      AND ($6::text IS NULL OR j.currency = $6) AND NOT (j.id <@ $7::text::int8multirange)"""
_DIGITS = "CASE j.currency {} ELSE 2 END".format(
    " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in MINOR_DIGITS.items())
)
# The columns of files.formats.journal_printing, the sides of an entry one after the other. COPY takes no parameters;
# asyncpg puts them in as the server quotes them.
JOURNAL_ROWS = f"""SELECT j.id, j.number, j.entry_date, j.narration, j.currency, round(j.total, {_DIGITS}),
      l.account_code, round(l.debit - l.credit, {_DIGITS}), l.description, coalesce(c.name, ''), l.tax_code,
      CASE WHEN l.tracking = '{{}}' THEN '' ELSE l.tracking::text END
    FROM journal_entries j {_SIDES} {_CLIENTS} {_WHERE}
    ORDER BY j.entry_date, j.id, l.position"""
_COUNT = f"SELECT count(DISTINCT j.id), count(*) FROM journal_entries j {_SIDES} {_WHERE}"
_AMONG = f"SELECT count(*) FROM journal_entries j {_WHERE} AND j.id <@ $8::text::int8multirange"


async def take_time(session: Session) -> None:
    """Let this transaction run for as long as a large file takes."""
    await session.execute(text("SET LOCAL statement_timeout = '15min'"))


async def copy_journals(session: Session, firm_id: int, part: Part, chunks: Chunks) -> None:
    """All sides of these entries in COPY's text form, in portions that are handed over one by one."""
    raw = await _raw(session)
    await raw.copy_from_query(JOURNAL_ROWS, firm_id, *part.values(), output=chunks)


async def count(session: Session, firm_id: int, part: Part) -> tuple[int, int]:
    """How many entries, and how many sides."""
    row = await (await _raw(session)).fetchrow(_COUNT, firm_id, *part.values())
    return row[0], row[1]


async def count_among(session: Session, firm_id: int, part: Part, ids: str) -> int:
    """How many of these entries are among `ids`, a multirange."""
    return int(await (await _raw(session)).fetchval(_AMONG, firm_id, *part.values(), ids))


async def _raw(session: Session) -> Any:
    """asyncpg's own connection, within the same transaction: SQLAlchemy knows no COPY."""
    return (await session.get_raw_connection()).driver_connection


async def exported(session: Session, firm_id: int, provider: str, format_: str) -> str:
    """The ids of the entries that went out in files of a format, as a multirange's text."""
    query = text(
        """SELECT coalesce(range_agg(r), '{}')::text FROM export_logs e, unnest(e.entries) r
           WHERE e.firm_id = :firm AND e.provider = :provider AND e.format = :format AND e.state = 'complete'"""
    )
    found = await session.execute(query, {"firm": firm_id, "provider": provider, "format": format_})
    return str(found.scalar_one())


async def log(session: Session, firm_id: int, values: Mapping[str, object], entries: Sequence[int]) -> int:
    """Note a file that was written; returns the log's id."""
    made = await session.execute(insert(ExportLog).values(firm_id=firm_id, **values).returning(ExportLog.id))
    log_id = int(made.scalar_one())
    query = text(
        """UPDATE export_logs SET entries = coalesce(
               (SELECT range_agg(int8range(n, n, '[]')) FROM unnest(CAST(:ids AS bigint[])) n), '{}')
           WHERE firm_id = :firm AND id = :id"""
    )
    await session.execute(query, {"firm": firm_id, "id": log_id, "ids": list(entries)})
    return log_id


async def entries(session: Session, firm_id: int, log_id: int) -> list[int]:
    """The ids of the journal entries in a file, in order; none for other files."""
    query = text(
        """SELECT n FROM export_logs e, unnest(e.entries) r, generate_series(lower(r), upper(r) - 1) n
           WHERE e.firm_id = :firm AND e.id = :id ORDER BY n"""
    )
    return list((await session.execute(query, {"firm": firm_id, "id": log_id})).scalars())


async def delivered(session: Session, firm_id: int, log_id: int) -> None:
    """The file went out to its last byte."""
    query = update(ExportLog).where(ExportLog.firm_id == firm_id, ExportLog.id == log_id)
    await session.execute(query.values(state="complete", delivered_at=func.now(), updated_at=func.now()))


_SHOWN = [column for column in ExportLog.__table__.columns if column.name not in ("entries", "alterations")]


async def get(session: Reads, firm_id: int, log_id: int) -> LogRow:
    """One export with what was altered. Raises NotFound."""
    query = select(*_SHOWN, ExportLog.alterations).where(ExportLog.firm_id == firm_id, ExportLog.id == log_id)
    row: Any = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("There is no such export.", record={"kind": "export_log", "id": log_id})
    found: LogRow = row
    return found


async def page(
    session: Reads, firm_id: int, *, provider: str | None, state: str | None, after: int | None, limit: int
) -> Sequence[LogRow]:
    """Exports, newest first, without what was altered; `after` is the last id seen."""
    query = select(*_SHOWN).where(ExportLog.firm_id == firm_id).order_by(ExportLog.id.desc()).limit(limit)
    if provider is not None:
        query = query.where(ExportLog.provider == provider)
    if state is not None:
        query = query.where(ExportLog.state == state)
    if after is not None:
        query = query.where(ExportLog.id < after)
    return (await session.execute(query)).all()
