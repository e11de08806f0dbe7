"""Workers that fail, die, freeze and are told to stop: the work is done all the same, and nothing is written twice."""

import time
from typing import Any

import pytest

from app.db import wakeups
from app.settings import Settings
from tests.faults.scene import QUICK, TOKEN_PATH, VENDOR, WORKER, Books, Sql, all_synced, quiet, started
from tests.support.processes import Actor, Cast, RemoteWorld, environment, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


async def remembered(one: Books) -> list[Any]:
    """Everything a runner stores of what it wrote to the connection's firm."""
    queries = (
        "SELECT id, key, sends, state, epoch FROM write_calls ORDER BY id",
        "SELECT id, outcome, external_id, updated_at FROM write_attempts ORDER BY id",
        "SELECT id, state, attempt, version, external_id, updated_at FROM invoice_sync_mappings ORDER BY id",
    )
    async with one.world.runtime.db.firm(one.firm) as session:
        return [(await session.exec_driver_sql(query)).all() for query in queries]


async def test_two_wake_ups_and_a_failure_wedge_nothing(
    remote: RemoteWorld, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str]
) -> None:
    """One connection's turn ends with an unforeseen error, the other's with the provider's; both bells ring on."""
    quickbooks, xero = books
    await started(cast, sql, WORKER, *QUICK, "--fail", str(quickbooks.connection), env=env)
    fault = await xero.hit("hang_before", delay=1)
    for one in books:
        await one.more(2)

    async def doing() -> bool:
        return sql("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == [(2,)]

    await until("both turns are under way", doing)
    rung = [[await wakeups.wake(remote.runtime.db, one.connection) for _ in range(2)] for one in books]
    assert [second for _, second in rung] == [False, False]
    await remote.taken(fault)
    await all_synced(books, 30)
    for one in books:
        await one.tied_out()
    assert "nobody foresaw this" in cast.actors[0].log.read_text()
    await quiet(sql)
    assert sql("SELECT crashes FROM connections") == [(0,), (0,)]


async def test_a_job_whose_end_was_never_noted_holds_nobody_up(
    remote: RemoteWorld, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str]
) -> None:
    """The database was away when the turn ended: its worker lives, and its job stays "doing"."""
    await started(cast, sql, WORKER, *QUICK, env=env)
    one = books[0]
    await quiet(sql)
    sql(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)"
        " VALUES ('elsewhere', 'connection_work', %s, NULL, jsonb_build_object('connection_id', %s::bigint))",
        f"connection:{one.connection}",
        one.connection,
    )
    sql(
        "UPDATE procrastinate_jobs SET status = 'doing',"
        " worker_id = (SELECT max(id) FROM procrastinate_workers) WHERE queue_name = 'elsewhere'"
    )
    await one.more(1)
    await all_synced([one], 15)
    await one.tied_out()
    await quiet(sql)


async def test_a_killed_worker_is_replaced_within_15_seconds(
    books: list[Books], cast: Cast, sql: Sql, loopback: Settings
) -> None:
    """With the clocks of production. One write was carried out unanswered, the other never arrived."""
    env = environment(loopback.model_copy(update={"lease_seconds": Settings.model_fields["lease_seconds"].default}))
    faults = [await books[0].hit("lost_answer", delay=60), await books[1].hit("hang_before", delay=60)]
    for one in books:
        await one.more(2)
    first = await started(cast, sql, "app.cli", "worker", env=env)
    for one, fault in zip(books, faults, strict=True):
        await one.world.taken(fault)
    await started(cast, sql, "app.cli", "worker", env=env)
    await first.kill()
    died = time.monotonic()
    assert [await one.states() for one in books] == [["in_flight"] * 2] * 2
    await all_synced(books, 25)
    assert time.monotonic() - died <= 15
    for one in books:
        await one.tied_out()

    async def closed() -> bool:
        return sql("SELECT count(*) FROM write_calls WHERE state <> 'done'") == [(0,)]

    await until("what was written is looked at once more", closed)
    assert sql("SELECT sends, epoch FROM write_calls WHERE kind = 'invoice'") == [(2, 3), (2, 3)]
    await quiet(sql)


class TestPaused:
    """A worker sleeps past its lease, another takes over, and the first one comes back."""

    async def test_what_it_was_told_meanwhile_is_not_stored(
        self, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str]
    ) -> None:
        sleeper = await started(cast, sql, WORKER, *QUICK, env=env)
        faults = [await one.hit("slow", delay=2.5) for one in books]
        for one in books:
            await one.more(2)
        for one, fault in zip(books, faults, strict=True):
            await one.world.taken(fault)
        # What the vendor still holds is carried out even though nobody waits for it; then come the replay and a look at
        # what it confirmed.
        await self.replaced(sleeper, books, cast, sql, env, arriving=3)

    async def test_a_call_that_had_not_left_never_leaves(
        self, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str]
    ) -> None:
        """It fell asleep between the check of its lease and the send: while a token was fetched."""
        sleeper = await started(cast, sql, WORKER, *QUICK, env=env)
        sql("UPDATE grants SET access_expires_at = now() - interval '1 hour'")
        faults = [
            await one.world.arm(VENDOR[one.provider], TOKEN_PATH[one.provider], "slow", delay=2.5) for one in books
        ]
        for one in books:
            await one.more(2)
        for one, fault in zip(books, faults, strict=True):
            await one.world.taken(fault)
        await self.replaced(sleeper, books, cast, sql, env, arriving=2)  # the replay and a look

    async def replaced(
        self, sleeper: Actor, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str], *, arriving: int
    ) -> None:
        """`arriving`: the calls that each company sees from now until everything is synced."""
        sleeper.pause()
        asleep = [await one.calls() for one in books]
        assert [await one.states() for one in books] == [["in_flight"] * 2] * 2
        other = await started(cast, sql, WORKER, *QUICK, env=env)
        await all_synced(books, 20)

        async def arrived() -> bool:
            return [await one.calls() for one in books] == [calls + arriving for calls in asleep]

        async def released() -> bool:
            return sql("SELECT count(*) FROM connections WHERE lease_owner <> ''") == [(0,)]

        await until("every call has arrived", arrived)
        await until("the other has done its turns", released)
        before = await remembered(books[0]), [await one.calls() for one in books]
        sleeper.resume()

        async def fenced() -> bool:
            return sleeper.log.read_text().count('"turn_fenced_off"') == 2

        await until("it notices that it was replaced", fenced)
        assert (await remembered(books[0]), [await one.calls() for one in books]) == before
        for one in books:
            await one.tied_out()
        # It is a worker like any other again.
        assert await other.stop(20) == 0
        for one in books:
            await one.more(1)
        await all_synced(books, 20)
        for one in books:
            await one.tied_out()
        assert sleeper.process.returncode is None


class TestToldToStop:
    async def test_it_finishes_what_is_in_hand_and_exits_0(
        self, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str]
    ) -> None:
        worker = await started(cast, sql, "app.cli", "worker", env=env)
        faults = [await one.hit("slow", delay=2) for one in books]
        for one in books:
            await one.more(2)
        for one, fault in zip(books, faults, strict=True):
            await one.world.taken(fault)
        assert await worker.stop(20) == 0
        for one in books:
            await one.tied_out()
        assert sql("SELECT count(*) FROM connections WHERE lease_owner <> ''") == [(0,)]
        assert sql("SELECT count(*) FROM procrastinate_jobs WHERE status <> 'todo'") == [(0,)]
        assert sql("SELECT count(*) FROM procrastinate_workers") == [(0,)]

    async def test_it_does_not_wait_for_ever(
        self, books: list[Books], cast: Cast, sql: Sql, env: dict[str, str]
    ) -> None:
        """The provider hangs: the worker leaves after its time, and the next one settles what it left."""
        worker = await started(cast, sql, WORKER, *QUICK, "--drain", "1", env=env)
        faults = [await one.hit("lost_answer", delay=60) for one in books]
        for one in books:
            await one.more(2)
        for one, fault in zip(books, faults, strict=True):
            await one.world.taken(fault)
        assert await worker.stop(5) == 0
        assert [await one.states() for one in books] == [["in_flight"] * 2] * 2
        await started(cast, sql, WORKER, *QUICK, env=env)
        await all_synced(books, 20)
        for one in books:
            await one.tied_out()
