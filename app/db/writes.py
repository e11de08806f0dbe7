"""The write-ahead ledger: what was sent to a provider, exactly, and what became of each record in it."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, text, update

from app.canonical import Kind
from app.db.base import Json
from app.db.session import Session
from app.db.sync_tables import WriteAttempt, WriteCall

CallRow = Row[Any]
AttemptRow = Row[Any]


async def record(session: Session, call: Json, attempts: Sequence[Json]) -> int:
    """Store a call with its attempts before anything is sent; returns the call's id."""
    call_id = int((await session.execute(insert(WriteCall).values(call).returning(WriteCall.id))).scalar_one())
    await session.execute(insert(WriteAttempt), [{**attempt, "call_id": call_id} for attempt in attempts])
    return call_id


async def unsettled(session: Session, firm_id: int, connection_id: int, epoch: int) -> CallRow | None:
    """The oldest call whose outcome is not known, or that is to be looked at once more after it was settled.

    `age` is how long ago it was sent first, `quiet` how long ago it was sent last; both by the database's clock.
    """
    query = (
        select(
            WriteCall,
            (func.now() - WriteCall.created_at).label("age"),
            (func.now() - WriteCall.sent_at).label("quiet"),
        )
        .where(
            WriteCall.firm_id == firm_id,
            WriteCall.connection_id == connection_id,
            WriteCall.next_due_at <= func.now(),
            or_(WriteCall.state == "unknown", (WriteCall.state == "sent") & (WriteCall.epoch != epoch)),
        )
        .order_by(WriteCall.id)
        .limit(1)
    )
    row: Any = (await session.execute(query)).one_or_none()
    found: CallRow | None = row
    return found


async def open_attempts(session: Session, firm_id: int, call_id: int) -> Sequence[AttemptRow]:
    """The attempts of a call that have no definite outcome yet."""
    query = (
        select(WriteAttempt)
        .where(
            WriteAttempt.firm_id == firm_id,
            WriteAttempt.call_id == call_id,
            WriteAttempt.outcome.in_(("pending", "unknown")),
        )
        .order_by(WriteAttempt.id)
    )
    return (await session.execute(query)).all()


async def item_ids(session: Session, firm_id: int, call_id: int) -> tuple[str, ...]:
    """All item ids of a call in the order of its body."""
    query = (
        select(WriteAttempt.item_id)
        .where(WriteAttempt.firm_id == firm_id, WriteAttempt.call_id == call_id)
        .order_by(WriteAttempt.id)
    )
    return tuple(row.item_id for row in await session.execute(query))


async def mappings_of(session: Session, firm_id: int, call_id: int, items: Collection[str]) -> dict[Kind, list[int]]:
    """The mappings behind these items of a call, by kind."""
    query = select(WriteAttempt.mapping_kind, WriteAttempt.mapping_id).where(
        WriteAttempt.firm_id == firm_id, WriteAttempt.call_id == call_id, WriteAttempt.item_id.in_(items)
    )
    found: dict[Kind, list[int]] = {}
    for row in await session.execute(query):
        found.setdefault(Kind(row.mapping_kind), []).append(row.mapping_id)
    return found


async def resent(session: Session, firm_id: int, call_id: int, epoch: int) -> None:
    """Note, before sending, that the identical call goes out once more."""
    await session.execute(
        update(WriteCall)
        .where(WriteCall.firm_id == firm_id, WriteCall.id == call_id)
        .values(sends=WriteCall.sends + 1, epoch=epoch, state="sent", sent_at=func.now(), updated_at=func.now())
    )


async def oldest_open(session: Session, firm_id: int, connection_id: int) -> CallRow | None:
    """The oldest call without definite outcomes that is due, whoever sent it."""
    query = (
        select(WriteCall)
        .where(
            WriteCall.firm_id == firm_id,
            WriteCall.connection_id == connection_id,
            WriteCall.state != "done",
            WriteCall.next_due_at <= func.now(),
        )
        .order_by(WriteCall.id)
        .limit(1)
    )
    return (await session.execute(query)).one_or_none()


async def conclude(
    session: Session, firm_id: int, attempt_id: int, outcome: str, external_id: str, reason: str, answer: Json
) -> None:
    """Store the outcome of one attempt. An empty `answer` leaves what an earlier sending was told."""
    values = {"outcome": outcome, "external_id": external_id, "reason": reason, "updated_at": func.now()}
    await session.execute(
        update(WriteAttempt)
        .where(WriteAttempt.firm_id == firm_id, WriteAttempt.id == attempt_id)
        .values(values | ({"answer": answer} if answer else {}))
    )


async def written_ids(session: Session, firm_id: int, call_id: int) -> list[str]:
    """The external ids of what a call is known to have written."""
    query = (
        select(WriteAttempt.external_id)
        .where(WriteAttempt.firm_id == firm_id, WriteAttempt.call_id == call_id, WriteAttempt.outcome == "written")
        .order_by(WriteAttempt.id)
    )
    return [row.external_id for row in await session.execute(query) if row.external_id]


async def close(
    session: Session, firm_id: int, call_id: int, *, wait: timedelta | None = None, look: bool = False
) -> str:
    """`done` when every attempt has a definite outcome, else `unknown`, to be settled again after `wait`.

    With `look`, a call that wrote something stays `unknown` and due at once, until it is closed without.
    """
    counts = select(
        func.count().filter(WriteAttempt.outcome.in_(("pending", "unknown"))).label("open"),
        func.count().filter(WriteAttempt.outcome == "written").label("written"),
    ).where(WriteAttempt.firm_id == firm_id, WriteAttempt.call_id == call_id)
    found = (await session.execute(counts)).one()
    open_count = found.open
    state = "unknown" if open_count or (look and found.written) else "done"
    seconds = (wait or timedelta()).total_seconds() if open_count else 0
    await session.execute(
        update(WriteCall)
        .where(WriteCall.firm_id == firm_id, WriteCall.id == call_id)
        .values(
            state=state,
            settled_at=func.now() if state == "done" else None,
            next_due_at=text("now() + make_interval(secs => :seconds)").bindparams(seconds=seconds),
            updated_at=func.now(),
        )
    )
    return state


async def postpone(session: Session, firm_id: int, call_id: int, wait: timedelta) -> None:
    """Leave a call as it is, to be settled or looked at again after `wait`."""
    due = text("now() + make_interval(secs => :seconds)").bindparams(seconds=wait.total_seconds())
    await session.execute(
        update(WriteCall).where(WriteCall.firm_id == firm_id, WriteCall.id == call_id).values(next_due_at=due)
    )
