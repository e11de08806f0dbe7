"""Retrying and skipping records that did not go through, one or many: what routes and pages call."""

from dataclasses import dataclass

from app.canonical import Kind
from app.db import audit, mappings, mending, owners, runs, wakeups
from app.db.kinds import PUSHED
from app.db.mending import Choice, Decided
from app.db.session import Database, Session
from app.errors import Conflict


@dataclass(frozen=True, slots=True)
class Mended:
    """What was decided about, and the runs that carry it out, by connection."""

    decided: tuple[Decided, ...]
    runs: dict[int, int]


async def retry(database: Database, firm_id: int, kind: Kind, choice: Choice, *, actor: str) -> Mended:
    """Try these again, most urgently. Raises NotFound or Conflict for a single one that cannot be."""
    asked: dict[int, int] = {}
    async with database.firm(firm_id) as session:
        decided = await mending.retry(session, firm_id, kind, choice, priority=runs.INTERACTIVE)
        if not decided:
            await _explain(session, firm_id, kind, choice, "retried")
        for connection_id in sorted({one.connection_id for one in decided}):
            ids = [one.mapping_id for one in decided if one.connection_id == connection_id]
            asked[connection_id] = await runs.request(
                session,
                firm_id,
                connection_id,
                "push",
                params={"kinds": [kind.value], "mappings": len(ids)},
                priority=runs.INTERACTIVE,
                trigger="retry",
                requested_by=actor,
            )
            await mending.tag(session, firm_id, kind, connection_id, ids, asked[connection_id])
        await _record(session, firm_id, kind, decided, actor, "retried")
    for connection_id in asked:
        await wakeups.wake(database, connection_id)
    return Mended(tuple(decided), asked)


async def skip(database: Database, firm_id: int, kind: Kind, choice: Choice, *, actor: str) -> Mended:
    """Leave these out until they are edited or retried. Raises NotFound or Conflict for a single one."""
    async with database.firm(firm_id) as session:
        decided = await mending.skip(session, firm_id, kind, choice)
        if not decided:
            await _explain(session, firm_id, kind, choice, "skipped")
        await _record(session, firm_id, kind, decided, actor, "skipped")
    return Mended(tuple(decided), {})


async def _explain(session: Session, firm_id: int, kind: Kind, choice: Choice, word: str) -> None:
    """Nothing matched: for one named record that is worth a reason."""
    if choice.ids is None or len(choice.ids) != 1:
        return
    row = await mappings.get(session, firm_id, kind, choice.ids[0])
    connection = await owners.connection(session, firm_id, row.connection_id)
    if row.state in mending.RETRYABLE and word == "retried" and not getattr(connection, PUSHED[kind].switch):
        raise Conflict(
            f"Synchronising {kind} records is switched off for this connection.",
            code="sync_disabled",
            fix=f"Switch {PUSHED[kind].switch} on.",
            who="admin",
        )
    raise Conflict(
        f"This record is {row.state.replace('_', ' ')} and cannot be {word}.",
        code="not_mendable",
        record={"kind": f"{kind}_mapping", "id": row.id},
        fix="Wait until its present attempt is settled." if row.state in ("in_flight", "unknown") else "",
    )


async def _record(session: Session, firm_id: int, kind: Kind, decided: list[Decided], actor: str, word: str) -> None:
    if not decided:
        return
    one = decided[0]
    subject = f"{kind}:{one.record_id}" if len(decided) == 1 else str(kind)
    details = {"mappings": [one.mapping_id for one in decided[:200]], "count": len(decided)}
    await audit.record(session, firm_id, actor=actor, action=f"mapping.{word}", subject=subject, details=details)
