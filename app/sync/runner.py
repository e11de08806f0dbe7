"""The runner: takes a connection's lease, then after every call the most urgent owed item, for a few seconds.

Correctness never rests on the bell that started it: what is owed stands in the tables, the lease's epoch fences off a
runner that was replaced, and whatever is left is due again at a stored moment.
"""

import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog

from app import connections
from app.canonical import Kind, ProviderName
from app.db import budgets, leases, owners, runs, schedule, work
from app.db import connections as db_connections
from app.db.kinds import PUSHED
from app.db.leases import Claimed
from app.db.session import Unavailable
from app.db.work import Scope
from app.errors import AppError, Misconfigured, NeedsReauth, NotConnected, ProviderError, StaleLease
from app.governor import SAFETY, Governor
from app.providers.base import TokenSource
from app.providers.http import Meter
from app.providers.registry import SPECS
from app.runtime import Runtime
from app.sync import calendar, inbox, parking, pull, push, settle
from app.sync.outcomes import backoff
from app.sync.turn import Turn, boot_clock, company_from

log = structlog.get_logger(__name__)

OWNER = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
MAX_CRASHES = 5
MAX_RUN_ATTEMPTS = 8
INTERNAL = {"code": "internal_error", "detail": "Something went wrong on our side.", "who": "operator"}


async def work_on(runtime: Runtime, connection_id: int) -> bool:
    """One turn at a connection. True: more is due at once, wake it again. False also when somebody else holds it."""
    seconds = runtime.settings.lease_seconds
    begun = boot_clock()
    async with runtime.db.system() as session:
        claimed = await leases.claim(session, connection_id, f"{OWNER}:{secrets.token_hex(4)}", seconds)
    if claimed is None:
        return False
    turn = await _turn(runtime, claimed, begun + seconds)
    try:
        if claimed.crashes >= MAX_CRASHES:
            await parking.park_most_urgent(turn)
        async with turn.renewed():
            await _work(runtime, turn)
        return await _release(turn)
    except StaleLease:
        log.warning("turn_fenced_off", connection_id=connection_id, epoch=claimed.epoch)
        return False


async def _turn(runtime: Runtime, claimed: Claimed, deadline: float) -> Turn:
    async with runtime.db.firm(claimed.firm_id) as session:
        row = await owners.connection(session, claimed.firm_id, claimed.connection_id)
    name = ProviderName(row.provider)
    limits = SPECS[name].capabilities.limits

    async def reserve(calls: int) -> float:
        async with runtime.db.system() as session:
            return await budgets.reserve(session, name.value, calls, int((limits.app_per_minute or 0) * SAFETY))

    governor = Governor(limits, row.budget, reserve=reserve)
    meter = Meter(on_answer=governor.observe)
    turn = Turn(
        db=runtime.db,
        claimed=claimed,
        lease_seconds=runtime.settings.lease_seconds,
        provider=runtime.company(name, row.company_id, _tokens(runtime, row), meter),
        governor=governor,
        meter=meter,
        connection=row,
        company=company_from(row.company),
        scope=_scope(claimed, row),
        deadline=deadline,
    )
    meter.gate = turn.gate
    return turn


class _NoTokens:
    """Stands where a disconnected company's tokens stood: housekeeping needs none."""

    async def access_token(self, *, rejected: str | None = None) -> str:  # noqa: ARG002  (the protocol's)
        """Always raises NotConnected."""
        raise NotConnected("This connection was disconnected.")


def _tokens(runtime: Runtime, row: Any) -> TokenSource:
    return _NoTokens() if row.grant_id is None else runtime.vault.tokens(row.grant_id)


def _scope(claimed: Claimed, row: Any, *, ignore_throttle: bool = False) -> Scope:
    throttled = row.throttled and not ignore_throttle
    known = company_from(row.company) is not None  # else nothing can be put into its form
    return Scope(
        connection_id=claimed.connection_id,
        epoch=claimed.epoch,
        usable=row.status == "active" and row.grant_id is not None and not throttled and known,
        automatic=row.sync_enabled and row.firm_sync_enabled,
        throttled=throttled,
    )


async def _work(runtime: Runtime, turn: Turn) -> None:
    """Take the most urgent item until nothing is due, the slice is over, or the provider must be left alone."""
    await _know_company(turn)
    await _schedule(turn)
    await _take_items(runtime, turn, time.monotonic() + runtime.settings.sync_slice_seconds)
    if turn.connection.status != "active":
        async with turn.effects() as session:
            await schedule.end_hopeless(session, turn.firm_id, turn.connection_id)
    await _finish_push_runs(turn)


async def _take_items(runtime: Runtime, turn: Turn, until: float) -> None:
    while time.monotonic() < until:
        async with turn.db.firm(turn.firm_id) as session:
            what = await work.most_urgent(session, turn.scope)
        if what is None:
            await _finish_push_runs(turn)  # also those that had nothing to do from the start
            return
        try:
            await _HANDLERS[what](runtime, turn)
        except ProviderError as error:
            await _leave_alone(turn, error)
            return
        if what in _PUSHING:
            await _finish_push_runs(turn)


async def _do_settle(_runtime: Runtime, turn: Turn) -> None:
    try:
        await settle.settle(turn)
    except (ProviderError, StaleLease, Unavailable):
        raise
    except Exception:  # a call that breaks us must not hold up everything behind it
        log.exception("settling_failed", connection_id=turn.connection_id)
        await settle.postpone(turn, settle.STILL_UNKNOWN)


def _pushing(kind: Kind) -> "Handler":
    async def handle(_runtime: Runtime, turn: Turn) -> None:
        await push.push(turn, kind)

    return handle


async def _do_events(_runtime: Runtime, turn: Turn) -> None:
    await inbox.drain(turn)


async def _do_run(runtime: Runtime, turn: Turn) -> None:
    async with turn.effects() as session:
        run = await runs.next_queued(session, turn.firm_id, turn.scope)
        if run is None:
            return
        if run.attempts >= MAX_RUN_ATTEMPTS:
            error = run.error or {"code": "gave_up", "detail": "It failed too many times."}
            await runs.fail(session, turn.firm_id, run.id, error)
            return
        await runs.start(session, turn.firm_id, run.id)
    try:
        await _carry_out(runtime, turn, run)
    except ProviderError as error:
        await _not_done(turn, run, _told(error), again=error.retryable)
        raise
    except (StaleLease, Unavailable):
        raise
    except AppError as error:
        await _not_done(turn, run, _told(error), again=False)
    except Exception:  # a run that breaks us is told about, and the rest goes on
        log.exception("run_failed", connection_id=turn.connection_id, run_id=run.id)
        await _not_done(turn, run, dict(INTERNAL), again=True)


async def _not_done(turn: Turn, run: Any, error: dict[str, Any], *, again: bool) -> None:
    """Try again later where that may help and nobody waits for the run; else it has failed."""
    async with turn.effects() as session:
        if again and run.priority > runs.INTERACTIVE:
            seconds = backoff(run.attempts).total_seconds()
            await runs.postpone(session, turn.firm_id, run.id, seconds=seconds, error=error)
        else:
            fix = error.get("fix") or ("Ask for it again." if again else "")
            await runs.fail(session, turn.firm_id, run.id, {**error, "fix": fix})


async def _carry_out(runtime: Runtime, turn: Turn, run: Any) -> None:
    if run.action == "pull":
        await pull.pull(turn, run)
        return
    await _housekeeping(runtime, turn, run)
    async with turn.effects() as session:
        await runs.finish(session, turn.firm_id, run.id, {})
        turn.connection = await owners.connection(session, turn.firm_id, turn.connection_id)
    turn.scope = _scope(turn.claimed, turn.connection)
    turn.company = company_from(turn.connection.company)


async def _housekeeping(runtime: Runtime, turn: Turn, run: Any) -> None:
    match run.action:
        case "check":
            await connections.check(runtime, turn.firm_id, turn.connection_id, meter=turn.meter)
        case "refresh":
            await connections.refresh(runtime, turn.firm_id, turn.connection_id, actor=run.requested_by)
        case "disconnect":
            await connections.disconnect(runtime, turn.firm_id, turn.connection_id, actor=run.requested_by)


def _told(error: AppError) -> dict[str, Any]:
    return {
        "code": error.public_code,
        "detail": error.detail,
        "who": error.who,
        "fix": error.fix,
        "retries_itself": error.retries_itself,
    }


async def _leave_alone(turn: Turn, error: ProviderError) -> None:
    """The provider cannot be used now: say why on the connection, and until when we leave it alone."""
    log.warning("provider_left_alone", connection_id=turn.connection_id, code=error.public_code)
    async with turn.effects() as session:
        if isinstance(error, NeedsReauth | Misconfigured):
            # `expired` is the vault's word, once the provider refused the refresh itself.
            await owners.set_status(session, turn.firm_id, turn.connection_id, "error", error.public_code, error.detail)
        elif error.retryable:
            wait = error.retry_after or timedelta(seconds=5)
            await owners.throttle(session, turn.firm_id, turn.connection_id, wait)
        turn.connection = await owners.connection(session, turn.firm_id, turn.connection_id)
    turn.scope = _scope(turn.claimed, turn.connection)


async def _know_company(turn: Turn) -> None:
    """Ask for a look at a company that we know nothing of, or know in words of an older version."""
    if turn.company is not None or turn.connection.status != "active":
        return
    async with turn.effects() as session:
        if not await db_connections.is_asked(session, turn.firm_id, turn.connection_id, "check"):
            await runs.request(session, turn.firm_id, turn.connection_id, "check", trigger="sweep")


async def _schedule(turn: Turn) -> None:
    """When the connection's own time has come, ask for what is to be read and set the next time."""
    if not (turn.scope.usable and turn.scope.automatic):
        return
    async with turn.effects() as session:
        if turn.connection.payment_sync_enabled:
            await schedule.ask_if_due(session, turn.firm_id, turn.connection_id)
        off = calendar.switched_off(turn.connection)
        await schedule.ask_kinds_if_due(session, turn.firm_id, turn.connection_id, off)
        await schedule.ask_nightly(
            session, turn.firm_id, turn.connection_id, calendar.swept(turn.connection), calendar.SWEPT_DAYS
        )


async def _finish_push_runs(turn: Turn) -> None:
    async with turn.effects() as session:
        await schedule.finish_push_runs(session, turn.firm_id, turn.connection_id)


async def _release(turn: Turn) -> bool:
    """Give the lease back with the moment something is due again. True: that moment is now."""
    async with turn.db.firm(turn.firm_id) as session:
        row = await owners.connection(session, turn.firm_id, turn.connection_id)
        scope = _scope(turn.claimed, row, ignore_throttle=True)
        scheduled = calendar.moments(row) if scope.usable and scope.automatic else []
        moments = [at for at in (await work.due_again(session, scope), *scheduled) if at is not None]
        when = min(moments, default=None)
        if when is not None and row.throttled_until is not None:
            when = max(when, row.throttled_until)
        return await leases.release(session, turn.claimed, turn.governor.saved(), when)


Handler = Callable[[Runtime, Turn], Awaitable[None]]
_HANDLERS: Mapping[str, Handler] = {
    "settle": _do_settle,
    "run": _do_run,
    **{kind.value: _pushing(kind) for kind in PUSHED},
    "event": _do_events,
}
_PUSHING = frozenset({"settle", *PUSHED})
