"""After crashes: what kills its worker again and again is set aside and shown, so that the rest goes on."""

from datetime import timedelta

import structlog

from app.canonical import Kind
from app.db import outgoing, runs, work
from app.errors import Fault
from app.sync import inbox, settle
from app.sync.turn import Turn

log = structlog.get_logger(__name__)

SET_ASIDE = timedelta(minutes=10)
WORKER_DIED = Fault(
    code="worker_died",
    message="The worker died several times while doing this.",
    who="operator",
    fix="Look at the log, then retry it.",
)


async def park_most_urgent(turn: Turn) -> None:
    """Set aside what a runner takes first, as its predecessors died over it: every crash more parks one item more."""
    async with turn.db.firm(turn.firm_id) as session:
        what = await work.most_urgent(session, turn.scope)
    log.error("parked_after_crashes", connection_id=turn.connection_id, what=what, crashes=turn.claimed.crashes)
    if what == "settle":
        await settle.postpone(turn, SET_ASIDE)
    elif what == "run":
        await _park_run(turn)
    elif what == "event":
        await inbox.set_aside(turn)
    elif what is not None:
        await _park_record(turn, Kind(what))


async def _park_run(turn: Turn) -> None:
    async with turn.effects() as session:
        run = await runs.next_queued(session, turn.firm_id, turn.scope)
        if run is not None:
            error = {"code": "parked", "detail": WORKER_DIED.message, "who": WORKER_DIED.who, "fix": WORKER_DIED.fix}
            await runs.fail(session, turn.firm_id, run.id, error)


async def _park_record(turn: Turn, kind: Kind) -> None:
    async with turn.effects() as session:
        for row in await outgoing.owed(session, turn.firm_id, turn.scope, kind, 1):
            values = outgoing.with_fault("parked", WORKER_DIED)
            await outgoing.mark(session, turn.firm_id, kind, row.mapping_id, **values)
