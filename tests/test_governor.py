"""Budgets of calls: what fits now, what the application as a whole may do, and what a month comes to."""

from datetime import UTC, datetime, timedelta

import pytest

from app.db import budgets
from app.db.session import Database
from app.errors import RateLimited
from app.governor import BLOCK, SAFETY, Governor, public_budget
from app.providers.base import Limits
from app.providers.http import Answer

LIMITS = Limits(per_minute=60, per_second=None, concurrent=5, per_day=5000, batch_per_minute=20, app_per_minute=100)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 10, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


async def test_room_shrinks_with_every_call_and_comes_back() -> None:
    clock = Clock()
    governor = Governor(LIMITS, {}, clock=clock)
    first = governor.room(batch=False)
    assert first == int(60 * SAFETY)
    assert governor.room(batch=True) == int(20 * SAFETY)
    for _ in range(10):
        await governor.admit("/batch")
    assert governor.room(batch=True) == int(20 * SAFETY) - 10
    assert governor.room(batch=False) == first - 10
    clock.now += 61
    assert governor.room(batch=True) == int(20 * SAFETY)


async def test_the_applications_limit_is_taken_in_blocks_and_ends_in_waiting() -> None:
    taken: list[int] = []

    async def reserve(calls: int) -> float:
        taken.append(calls)
        return 0.0 if len(taken) < 3 else 17.0

    clock = Clock()
    governor = Governor(LIMITS, {}, clock=clock, reserve=reserve)
    for _ in range(2 * BLOCK):
        await governor.admit("/Invoices")
    assert taken == [BLOCK, BLOCK]
    with pytest.raises(RateLimited) as refused:
        await governor.admit("/Invoices")
    assert refused.value.limit == "app"
    assert refused.value.retry_after == timedelta(seconds=17)


async def test_all_workers_share_one_minute(database: Database) -> None:
    async with database.system() as session:
        assert await budgets.reserve(session, "xero", 20, 50) == 0.0
        assert await budgets.reserve(session, "xero", 20, 50) == 0.0
        wait = await budgets.reserve(session, "xero", 20, 50)
        assert await budgets.reserve(session, "quickbooks", 20, 50) == 0.0
    assert 1.0 <= wait <= 60.0


async def test_the_month_is_forecast_from_what_it_used_so_far() -> None:
    clock = Clock()
    governor = Governor(LIMITS, {}, clock=clock)
    for _ in range(19):
        await governor.admit("/Invoices")
    shown = public_budget(governor.saved(), LIMITS, clock.now)
    assert shown["month"]["used"] == 19
    assert shown["month"]["forecast"] == 60  # nine and a half of thirty days
    assert shown["minute"] == {"used": 19, "limit": 60}


async def test_calls_are_counted_by_their_outcome_and_the_silent_ones_too() -> None:
    governor = Governor(LIMITS, {"ok": 5}, clock=Clock())
    for status in (200, 404, 429, 503, None):
        await governor.admit("/customer")
        if status is not None:
            governor.observe(Answer(status, {}, b"", 0.1), 0)
    saved = governor.saved()
    assert [saved[one] for one in ("ok", "refused", "throttled", "failed", "silent")] == [6, 1, 1, 1, 1]
    assert governor.saved() == saved, "what was silent is counted once"
