"""What a person decides about records that did not go through: once more, or leave it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import text

from app.canonical import Kind
from app.db.kinds import PUSHED
from app.db.rules import Rule, fault_sql
from app.db.session import Session

ENDED_THERE = ("deleted_there", "voided_there")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which mappings of a kind; what is None does not narrow. `code` is that of their fault."""

    ids: Sequence[int] | None = None
    connection_id: int | None = None
    state: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A mapping that was decided about, its record and its connection."""

    mapping_id: int
    record_id: int
    connection_id: int


_CHOSEN = """
    WHERE m.firm_id = :firm AND m.state = ANY(:states)
      AND (CAST(:ids AS bigint[]) IS NULL OR m.id = ANY(:ids))
      AND (CAST(:connection_id AS bigint) IS NULL OR m.connection_id = :connection_id)
      AND (CAST(:state AS text) IS NULL OR m.state = :state)
      AND (CAST(:code AS text) IS NULL OR m.fault ->> 'code' = :code)"""
# What was deleted or voided there is written anew: nothing of ours is linked to the old one any more.
_RETRY = {
    kind: text(
        f"""
        UPDATE {known.mappings} m SET state = 'pending', sync_error = '', fault = '{{}}'::jsonb, failures = 0,
            accepted_at = now(), next_due_at = now(), updated_at = now(), priority = :priority,
            generation = m.generation + CASE WHEN m.fault ->> 'code' = ANY(:ended) THEN 1 ELSE 0 END,
            external_id = CASE WHEN m.fault ->> 'code' = ANY(:ended) THEN NULL ELSE m.external_id END,
            version = CASE WHEN m.fault ->> 'code' = ANY(:ended) THEN '' ELSE m.version END,
            base_revision = CASE WHEN m.fault ->> 'code' = ANY(:ended) THEN 0 ELSE m.base_revision END
        FROM connections k {_CHOSEN} AND k.firm_id = m.firm_id AND k.id = m.connection_id AND k.status <> 'revoked'
          AND k.{known.switch}
        RETURNING m.id, m.{known.record} AS record_id, m.connection_id
        """
    )
    for kind, known in PUSHED.items()
}
_SKIP = {
    kind: text(
        f"""
        UPDATE {known.mappings} m SET state = 'excluded', sync_error = '', updated_at = now(),
            fault = {fault_sql(Rule.skipped)} || jsonb_build_object('instead_of', m.fault ->> 'code')
        {_CHOSEN}
        RETURNING m.id, m.{known.record} AS record_id, m.connection_id
        """
    )
    for kind, known in PUSHED.items()
}
_TAG = {
    kind: text(
        f"UPDATE {known.mappings} SET run_id = :run WHERE firm_id = :firm AND connection_id = :connection_id "
        "AND id = ANY(:ids)"
    )
    for kind, known in PUSHED.items()
}
RETRYABLE = ("waiting", "error", "conflict", "parked", "excluded")
SKIPPABLE = ("pending", "waiting", "error", "conflict", "parked")


async def retry(session: Session, firm_id: int, kind: Kind, choice: Choice, *, priority: int) -> list[Decided]:
    """Make owed again what failed, waits or was left out; what is on its way or in doubt is left alone."""
    given = {"firm": firm_id, "states": list(RETRYABLE), "priority": priority, "ended": list(ENDED_THERE)}
    return [Decided(*row) for row in await session.execute(_RETRY[kind], given | _given(choice))]


async def skip(session: Session, firm_id: int, kind: Kind, choice: Choice) -> list[Decided]:
    """Leave out what has not reached the provider, until it is edited or retried."""
    given = {"firm": firm_id, "states": list(SKIPPABLE)}
    return [Decided(*row) for row in await session.execute(_SKIP[kind], given | _given(choice))]


async def tag(session: Session, firm_id: int, kind: Kind, connection_id: int, ids: Sequence[int], run_id: int) -> None:
    """Count these mappings to a run, which also carries them over a pause of automatic sync."""
    given = {"firm": firm_id, "connection_id": connection_id, "ids": list(ids), "run": run_id}
    await session.execute(_TAG[kind], given)


def _given(choice: Choice) -> dict[str, object]:
    given = asdict(choice)
    return {**given, "ids": list(choice.ids) if choice.ids is not None else None}
