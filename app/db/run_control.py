"""Pausing, resuming and cancelling runs, with the records that a push run carries."""

from collections.abc import Mapping, Sequence

from sqlalchemy import TextClause, text

from app.canonical import Kind
from app.db.kinds import PUSHED
from app.db.rules import Rule, fault_sql
from app.db.session import Session

# A paused record stays owed, at a moment that never comes; an edit or a retry of the record itself ends its pause.
_NEVER = "timestamptz '2999-01-01 00:00:00+00'"
_SET_STATE = text(
    """
    UPDATE sync_runs SET state = :state, updated_at = now(), next_due_at = now(),
        finished_at = CASE WHEN :state = 'cancelled' THEN now() END
    WHERE firm_id = :firm AND id = :run AND action IN ('push', 'pull') AND state = ANY(:before) RETURNING id
    """
)
_PAUSED = f"""next_due_at = {_NEVER}, sync_error = 'The run that pushes it is paused.',
            fault = jsonb_build_object('code', 'run_paused', 'message', 'The run that pushes it is paused.',
                'who', 'bookkeeper', 'fix', 'Resume the run.'), updated_at = now()"""
_CANCELLED = f"""state = 'excluded', fault = {fault_sql(Rule.cancelled)}, sync_error = '', run_id = NULL,
            updated_at = now()"""
_PAUSE = {
    kind: text(f"UPDATE {known.mappings} SET {_PAUSED} WHERE firm_id = :firm AND run_id = :run AND state = 'pending'")
    for kind, known in PUSHED.items()
}
_RESUME = {
    kind: text(
        f"""
        UPDATE {known.mappings} SET next_due_at = now(), sync_error = '', fault = '{{}}'::jsonb, updated_at = now()
        WHERE firm_id = :firm AND run_id = :run AND state = 'pending' AND fault ->> 'code' = 'run_paused'
        """
    )
    for kind, known in PUSHED.items()
}
_CANCEL = {
    kind: text(
        f"""
        UPDATE {known.mappings} SET {_CANCELLED}
        WHERE firm_id = :firm AND run_id = :run AND state IN ('pending', 'waiting')
        """
    )
    for kind, known in PUSHED.items()
}
# The same for records that were in flight or waited for another when their run was stopped.
_HOLD = {
    kind: [
        text(
            f"""
            UPDATE {known.mappings} m SET {values} FROM sync_runs r
            WHERE m.firm_id = :firm AND m.id = ANY(:ids) AND m.state = 'pending' AND r.firm_id = m.firm_id
              AND r.id = m.run_id AND r.state = '{state}'
            """
        )
        for state, values in (("paused", _PAUSED), ("cancelled", _CANCELLED))
    ]
    for kind, known in PUSHED.items()
}


async def pause(session: Session, firm_id: int, run_id: int) -> bool:
    """Stop a push or pull where it is, to be resumed; calls in flight end. False: it is not open."""
    return await _control(session, firm_id, run_id, "paused", ["queued", "running"], _PAUSE)


async def resume(session: Session, firm_id: int, run_id: int) -> bool:
    """Go on with a paused run. False: it is not paused."""
    return await _control(session, firm_id, run_id, "queued", ["paused"], _RESUME)


async def cancel(session: Session, firm_id: int, run_id: int) -> bool:
    """End a push or pull; what it has not pushed yet is left out, and says so. False: it is over."""
    return await _control(session, firm_id, run_id, "cancelled", ["queued", "running", "paused"], _CANCEL)


async def hold(session: Session, firm_id: int, kind: Kind, mapping_ids: Sequence[int]) -> None:
    """What has just become owed again is dealt with as its run was, if that was paused or cancelled meanwhile."""
    if mapping_ids:
        for statement in _HOLD[kind]:
            await session.execute(statement, {"firm": firm_id, "ids": list(mapping_ids)})


async def _control(
    session: Session, firm_id: int, run_id: int, state: str, before: list[str], statements: Mapping[Kind, TextClause]
) -> bool:
    given = {"firm": firm_id, "run": run_id}
    done = await session.execute(_SET_STATE, {**given, "state": state, "before": before})
    if done.one_or_none() is None:
        return False
    for statement in statements.values():
        await session.execute(statement, given)
    return True
