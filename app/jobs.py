"""The complete list of what runs in the background: bell, ticker, reaper, sweep and keep-alive.

Procrastinate rings (LISTEN/NOTIFY, workers, heartbeats) and nothing else: no delays, retries or results in the queue.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from procrastinate import App, PsycopgConnector

from app import connections, tracing
from app.db import firms, idempotency, owners, reaping, retention, runs, wakeups, work
from app.db.retention import PIECE
from app.db.session import Database
from app.runtime import Runtime
from app.sync import runner

log = structlog.get_logger(__name__)

HEARTBEAT = 5.0  # seconds between a worker's signs of life
STALLED = 12.0  # seconds without one after which a worker counts as dead
LOOK = 0.2  # seconds between looks into the queue: its notification is lost where it comes during a look
TICK, REAP, SWEEP, KEEP_ALIVE = 1.0, 2.0, 60.0, 600.0
FORGET = 6 * 3600.0
DRAIN = 18.0  # seconds a worker gets to finish when told to stop: it has ended within 20
RESTART_FIRST, RESTART_SLOWEST = 0.5, 15.0


def build_app(database_url: str, handle: Callable[[int, str | None], Awaitable[None]]) -> App:
    """Procrastinate on the same PostgreSQL, with the one task there is."""
    options = "-c role=tieout_system -c search_path=procrastinate,public"
    app = App(connector=PsycopgConnector(conninfo=database_url, kwargs={"options": options}, min_size=1, max_size=4))

    @app.task(name=wakeups.TASK, queue=wakeups.QUEUE)
    async def connection_work(connection_id: int, traceparent: str | None = None) -> None:
        await handle(connection_id, traceparent)

    return app


async def run_worker(runtime: Runtime, stop: asyncio.Event) -> None:
    """Work until `stop` is set; a database that goes away is waited for, with growing pauses."""
    periodic = [
        asyncio.create_task(_every(TICK, stop, _tick, runtime)),
        asyncio.create_task(_every(REAP, stop, _reap, runtime)),
        asyncio.create_task(_every(SWEEP, stop, _sweep, runtime)),
        asyncio.create_task(_every(KEEP_ALIVE, stop, _keep_alive, runtime)),
        asyncio.create_task(_every(FORGET, stop, forget, runtime)),
    ]
    try:
        await _answer_the_bell(runtime, stop)
    finally:
        for task in periodic:
            task.cancel()
        await asyncio.gather(*periodic, return_exceptions=True)


async def _answer_the_bell(runtime: Runtime, stop: asyncio.Event) -> None:
    pause = RESTART_FIRST
    while not stop.is_set():
        started = asyncio.get_running_loop().time()
        worker = asyncio.create_task(_procrastinate(runtime))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not worker.done():
            await _drain(worker)
            return
        if asyncio.get_running_loop().time() - started > RESTART_SLOWEST:
            pause = RESTART_FIRST
        error = worker.exception()
        log.warning("worker_restarts", error=type(error).__name__ if error else "ended", pause=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
        pause = min(pause * 2, RESTART_SLOWEST)


async def _procrastinate(runtime: Runtime) -> None:
    async def handle(connection_id: int, trace: str | None) -> None:
        with tracing.span(wakeups.TASK, "consumer", trace):
            await _handle(runtime, connection_id)

    app = build_app(runtime.db.conninfo, handle)
    try:
        # Opening by `async with` leaves the pool's own tasks behind when we are told to stop before it is open, and the
        # event loop waits for those without end.
        await app.open_async()
        await app.run_worker_async(
            queues=[wakeups.QUEUE],
            concurrency=runtime.settings.worker_concurrency,
            wait=True,
            fetch_job_polling_interval=LOOK,
            listen_notify=True,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT,
            stalled_worker_timeout=STALLED,
            shutdown_graceful_timeout=DRAIN,
        )
    finally:
        await app.close_async()


async def _drain(worker: "asyncio.Task[None]") -> None:
    """Let the turns under way end; whatever does not end in time is left to its lease."""
    worker.cancel()
    with contextlib.suppress(asyncio.CancelledError, TimeoutError):
        await asyncio.wait_for(worker, DRAIN + 2)


async def _handle(runtime: Runtime, connection_id: int) -> None:
    try:
        more = await runner.work_on(runtime, connection_id)
    except Exception:  # one connection's trouble is not the queue's: its lease runs out and the sweep tries again
        log.exception("turn_failed", connection_id=connection_id)
        return
    if more:
        await wakeups.wake(runtime.db, connection_id)


async def _every(
    seconds: float, stop: asyncio.Event, act: Callable[[Runtime], Awaitable[None]], runtime: Runtime
) -> None:
    while not stop.is_set():
        try:
            await act(runtime)
        except Exception as error:  # noqa: BLE001  the next round tries again; only its absence would do harm
            log.warning("periodic_work_failed", what=act.__name__, error=type(error).__name__)
        await asyncio.sleep(seconds)


async def _wake_all(database: Database, connection_ids: list[int]) -> None:
    for connection_id in connection_ids:
        await wakeups.wake(database, connection_id)


async def _tick(runtime: Runtime) -> None:
    """Wake the connections whose time has come."""
    async with runtime.db.system() as session:
        due = await work.timely(session)
    await _wake_all(runtime.db, due)


async def _reap(runtime: Runtime) -> None:
    """Remove the jobs of workers that show no life, and wake their connections anew."""
    async with runtime.db.system() as session:
        stalled = await reaping.remove_stalled(session, STALLED)
        left = await work.abandoned(session)
    await _wake_all(runtime.db, sorted({*stalled, *left}))


async def _sweep(runtime: Runtime) -> None:
    """Wake whatever is owed without a bell, and look again at connections that were in error."""
    async with runtime.db.system() as session:
        forgotten = await work.forgotten(session)
        troubled = await owners.troubled(session)
    for firm_id, connection_id in troubled:
        async with runtime.db.firm(firm_id) as session:
            await runs.request(session, firm_id, connection_id, "check", priority=runs.BACKFILL, trigger="sweep")
        forgotten.append(connection_id)
    await _wake_all(runtime.db, forgotten)


async def forget(runtime: Runtime) -> None:
    """Delete what is older than the operator wants to keep, piece by piece until nothing is left of it."""
    settings = runtime.settings
    async with runtime.db.system() as session:
        firm_ids = [row.id for row in await firms.every(session)]
    async with runtime.db.system() as session:
        await idempotency.forget(session)
    gone = PIECE
    while gone >= PIECE:
        async with runtime.db.system() as session:
            gone = await retention.forget_deliveries(session, settings.retention_webhooks_days)
    for firm_id in firm_ids:
        for act, days in (
            (retention.forget_runs, settings.retention_runs_days),
            (retention.forget_calls, settings.retention_calls_days),
        ):
            gone = PIECE
            while gone >= PIECE:
                async with runtime.db.firm(firm_id) as session:
                    gone = await act(session, firm_id, days)


async def _keep_alive(runtime: Runtime) -> None:
    """Renew every grant at least daily, so that none dies of disuse, and erase what was left half-way."""
    now = datetime.now(UTC)
    await runtime.vault.keep_alive(now)
    await connections.tidy(runtime, now)
