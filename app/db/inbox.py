"""Stored webhook deliveries and their events: unique, never lost, handled once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, case, func, select, text, union_all, update

from app.db.base import Json
from app.db.reading import Reads
from app.db.session import Session, dump_json
from app.db.sync_tables import WebhookEvent
from app.db.tables import Connection

EventRow = Row[Any]
REPLAYED = "replayed"
"""The operation of an event that a person wants looked at again, whatever we know already."""

# One statement for all requests that share a commit: deliveries first, their events with the company looked up.
_STORE = text(
    """
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:deliveries AS jsonb)) AS d(n int, provider text, body text, events int)
    ), delivered AS (
        INSERT INTO webhook_deliveries (id, provider, body, events)
        SELECT nextval(pg_get_serial_sequence('webhook_deliveries', 'id')), provider, decode(body, 'base64'), events
        FROM given ORDER BY n RETURNING id
    ), numbered AS (
        SELECT id, row_number() OVER (ORDER BY id) AS n FROM delivered
    ), fresh AS (
        SELECT DISTINCT ON (e.provider, e.event_key) e.*, numbered.id AS delivery_id
        FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e(n int, provider text, event_key text, company_id text,
            kind text, external_id text, operation text, label text, occurred_at timestamptz)
        JOIN numbered ON numbered.n = e.n
        ORDER BY e.provider, e.event_key, e.n
    )
    INSERT INTO webhook_events (firm_id, connection_id, delivery_id, provider, event_key, company_id, kind, external_id,
        operation, label, occurred_at, state, reason, handled_at)
    SELECT k.firm_id, k.id, f.delivery_id, f.provider, f.event_key, f.company_id, f.kind, f.external_id, f.operation,
        f.label, f.occurred_at, CASE WHEN k.id IS NULL THEN 'ignored' ELSE 'pending' END,
        CASE WHEN k.id IS NULL THEN 'no such company is connected' ELSE '' END,
        CASE WHEN k.id IS NULL THEN now() END
    FROM fresh f LEFT JOIN connections k
        ON k.provider = f.provider AND k.company_id = f.company_id AND k.status <> 'revoked'
    ORDER BY f.provider, f.event_key -- two processes that count the same duplicates must not wait for each other
    ON CONFLICT (provider, event_key) DO UPDATE SET duplicates = webhook_events.duplicates + 1
    RETURNING CASE WHEN state = 'pending' THEN connection_id END AS connection_id
    """
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One verified POST: its provider, its bytes in base64, and its events as JSON objects."""

    provider: str
    body: str
    events: tuple[Json, ...]


async def store(session: Session, deliveries: Sequence[Delivery]) -> set[int]:
    """Store deliveries with their new events; returns the connections to wake. Under the system's role."""
    given = [
        {"n": n, "provider": d.provider, "body": d.body, "events": len(d.events)}
        for n, d in enumerate(deliveries, start=1)
    ]
    events = [{**event, "n": n} for n, d in enumerate(deliveries, start=1) for event in d.events]
    rows = await session.execute(_STORE, {"deliveries": dump_json(given), "events": dump_json(events)})
    return {row.connection_id for row in rows if row.connection_id is not None}


async def page(
    session: Reads,
    firm_id: int,
    *,
    after: int | None,
    limit: int,
    connection_id: int | None = None,
    kind: str | None = None,
    state: str | None = None,
    external_id: str | None = None,
) -> Sequence[EventRow]:
    """Events of the firm, newest first, older than `after`."""
    query = select(WebhookEvent).where(WebhookEvent.firm_id == firm_id).order_by(WebhookEvent.id.desc()).limit(limit)
    given = {"connection_id": connection_id, "kind": kind, "state": state, "external_id": external_id}
    for name, value in given.items():
        if value is not None:
            query = query.where(getattr(WebhookEvent, name) == value)
    if after is not None:
        query = query.where(WebhookEvent.id < after)
    return (await session.execute(query)).all()


async def replay(
    session: Session, firm_id: int, event_ids: Sequence[int] | None, connection_id: int | None, state: str | None
) -> Sequence[EventRow]:
    """Look at these events once more, even at what seems to be known already; returns them.

    Events of companies that are disconnected, or never were connected, stay as they are.
    """
    query = (
        update(WebhookEvent)
        .where(
            WebhookEvent.firm_id == firm_id,
            WebhookEvent.connection_id == Connection.id,
            Connection.firm_id == firm_id,
            Connection.status != "revoked",
        )
        .values(
            state="pending",
            operation=REPLAYED,
            failures=0,
            reason="",
            next_due_at=func.now(),
            handled_at=None,
            updated_at=func.now(),
        )
        .returning(WebhookEvent.id, WebhookEvent.connection_id)
    )
    if event_ids is not None:
        query = query.where(WebhookEvent.id.in_(event_ids))
    if connection_id is not None:
        query = query.where(WebhookEvent.connection_id == connection_id)
    if state is not None:
        query = query.where(WebhookEvent.state == state)
    found: Sequence[Any] = (await session.execute(query)).all()
    return found


async def owed(
    session: Session, firm_id: int, connection_id: int, kinds: Sequence[str], limit: int, *, automatic: bool
) -> Sequence[EventRow]:
    """Events to look at, the oldest first: so many of each of these kinds and of all others.

    `waited`: how long each has been due. Without `automatic`, only those that a person wants looked at.
    """
    due = [
        WebhookEvent.firm_id == firm_id,
        WebhookEvent.connection_id == connection_id,
        WebhookEvent.state == "pending",
        WebhookEvent.next_due_at <= func.now(),
    ]
    if not automatic:
        due.append(WebhookEvent.operation == REPLAYED)
    waited = (func.now() - WebhookEvent.next_due_at).label("waited")
    oldest = [
        select(WebhookEvent, waited).where(*due, of_kind).order_by(WebhookEvent.id).limit(limit).subquery()
        for of_kind in (*(WebhookEvent.kind == kind for kind in kinds), WebhookEvent.kind.not_in(kinds))
    ]
    both = union_all(*(select(one) for one in oldest)).subquery()
    return (await session.execute(select(both).order_by(both.c.id))).all()


async def handled(session: Session, firm_id: int, event_ids: Sequence[int], state: str, reason: str) -> None:
    """Close events in the transaction of their effect."""
    if event_ids:
        await session.execute(
            update(WebhookEvent)
            .where(WebhookEvent.firm_id == firm_id, WebhookEvent.id.in_(event_ids))
            .values(state=state, reason=reason, handled_at=func.now(), updated_at=func.now())
        )


async def failed(
    session: Session, firm_id: int, event_ids: Sequence[int], reason: str, most: int, *, patience: int = 1
) -> None:
    """Count a failure: again in a while, `patience` times as long, or parked and shown when it was one too many."""
    from_now_on = case((WebhookEvent.failures + 1 >= most, "parked"), else_="pending")
    wait = _in_future_per_failure(patience)
    await session.execute(
        update(WebhookEvent)
        .where(WebhookEvent.firm_id == firm_id, WebhookEvent.id.in_(event_ids))
        .values(
            failures=WebhookEvent.failures + 1,
            state=from_now_on,
            reason=reason,
            next_due_at=wait,
            updated_at=func.now(),
        )
    )


def _in_future_per_failure(patience: int) -> Any:
    """Thirty seconds, doubled with every failure; at most an hour. All of it so many times."""
    seconds = "least(3600, 30 * power(2, least(failures, 10))) * :patience"
    return text(f"now() + make_interval(secs => {seconds})").bindparams(patience=patience)
