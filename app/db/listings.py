"""What a company's lists must show as long as it stands there: copies we hold, and what our records are linked to."""

from datetime import date

from sqlalchemy import TextClause, text

from app.canonical import Kind
from app.db.kinds import PUSHED
from app.db.session import Session

# Where the copies of each kind have their date. What has none is listed whole, whatever the dates asked for.
_DATED = {Kind.invoice: "issue_date", Kind.payment: "on", Kind.journal_entry: "on", Kind.bank_transaction: "on"}
KINDS = frozenset({Kind.customer, *_DATED})
_ENDED = "(k.gone OR coalesce(k.record ->> 'state', '') IN ('voided', 'deleted'))"


def _within(dated: str) -> str:
    return f"""(CAST(:since AS date) IS NULL OR {dated} >= :since)
        AND (CAST(:until AS date) IS NULL OR {dated} <= :until)"""


def _expected(kind: Kind) -> TextClause:
    copies = f"""
        SELECT k.external_id FROM remote_records k
        WHERE k.firm_id = :firm AND k.connection_id = :id AND k.kind = '{kind}' AND NOT {_ENDED}"""
    dated = ""
    if kind in _DATED:
        dated = f"CAST(k.record ->> '{_DATED[kind]}' AS date)"
        copies += f" AND {_within(dated)}"
    known = PUSHED.get(kind)
    if known is None:
        return text(copies)
    # A copy tells the day there, which may be another than ours.
    days, seen = "", _ENDED
    if kind is not Kind.customer:
        days, seen = f"AND {_within('r.dated')}", f"({_ENDED} OR {dated} IS NOT NULL)"
    return text(
        f"""{copies}
        UNION
        SELECT m.external_id FROM ({known.source.format(narrow="")}) r
        JOIN {known.mappings} m ON m.firm_id = r.firm_id AND m.{known.record} = r.record_id
        WHERE m.connection_id = :id AND m.external_id IS NOT NULL AND r.fate = 'keep' {days}
          AND m.state IN ('synced', 'unchanged', 'excluded', 'conflict') AND NOT EXISTS (
            SELECT 1 FROM remote_records k WHERE k.connection_id = m.connection_id AND k.kind = '{kind}'
              AND k.external_id = m.external_id AND {seen})"""
    )


_EXPECTED = {kind: _expected(kind) for kind in KINDS}


async def expected(
    session: Session, firm_id: int, connection_id: int, kind: Kind, since: date | None, until: date | None
) -> list[str]:
    """External ids that a list of this kind and these days, both inclusive, shows unless they ended there.

    `kind` is one of `KINDS`.
    """
    given = {"firm": firm_id, "id": connection_id, "since": since, "until": until}
    return [row.external_id for row in await session.execute(_EXPECTED[kind], given)]
