"""Call budgets of one company: never a 429 of our own making, and a count of what calls and bytes cost.

A governor lives with the one runner that holds the company's lease, so no call costs a database round trip; its state
is saved with the connection when the lease is given back. Waiting here costs no attempt.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from app.db.base import Json
from app.errors import RateLimited
from app.providers.base import Limits
from app.providers.http import Answer

SAFETY = 0.9  # we use this share of each documented limit; the rest is for the firm's other applications
LONGEST_WAIT = 3.0  # seconds; a longer one gives the connection back and comes again when the time has come
MINUTE = 60.0
SECOND = 1.0


class Governor:
    """Meters and permits calls to one company. `clock` is in seconds since the epoch."""

    def __init__(
        self,
        limits: Limits,
        saved: Json,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._calls: deque[float] = deque(saved.get("calls", ()))
        self._batches: deque[float] = deque(saved.get("batches", ()))
        self._day: str = saved.get("day", "")
        self._day_used: int = saved.get("day_used", 0)
        self._totals: dict[str, int] = {name: saved.get(name, 0) for name in ("total", "bytes_in", "bytes_out")}
        self._month: str = saved.get("month", "")
        self._month_used: int = saved.get("month_used", 0)

    async def admit(self, path: str) -> None:
        """Wait until one more call is within every limit. Raises RateLimited when that is longer than LONGEST_WAIT."""
        batch = path.rstrip("/").endswith("/batch")
        while True:
            wait, limit = self._wait(batch)
            if wait <= 0:
                break
            if wait > LONGEST_WAIT:
                raise RateLimited(
                    f"The {limit} budget of this company is used up.", retry_after=timedelta(seconds=wait), limit=limit
                )
            await self._sleep(wait)
        now = self._clock()
        self._calls.append(now)
        if batch:
            self._batches.append(now)
        self._count_day(now)

    def observe(self, answer: Answer, sent: int) -> None:
        """Learn from an answer: bytes, and what the vendor says is left for all applications of this company."""
        self._totals["total"] += 1
        self._totals["bytes_in"] += len(answer.body)
        self._totals["bytes_out"] += sent
        left = _number(answer.headers.get(self._limits.minute_header)) if self._limits.minute_header else None
        if left is not None:
            missing = self._limits.per_minute - left - len(self._recent(self._calls, MINUTE))
            self._calls.extend([self._clock()] * max(0, missing))
        left = _number(answer.headers.get(self._limits.day_header)) if self._limits.day_header else None
        if left is not None and self._limits.per_day is not None:
            self._day_used = max(self._day_used, self._limits.per_day - left)

    def saved(self) -> Json:
        """What the next runner of this company must know, as JSON."""
        return {
            "calls": [round(at, 3) for at in self._recent(self._calls, MINUTE)],
            "batches": [round(at, 3) for at in self._recent(self._batches, MINUTE)],
            "day": self._day,
            "day_used": self._day_used,
            "month": self._month,
            "month_used": self._month_used,
            **self._totals,
        }

    def _wait(self, batch: bool) -> tuple[float, str]:
        limits = self._limits
        # A clock that was set back, or another machine's that is ahead, must not make us wait for the future.
        now = self._clock()
        self._calls = deque(min(at, now) for at in self._calls)
        self._batches = deque(min(at, now) for at in self._batches)
        waits = [(self._window(self._calls, MINUTE, limits.per_minute), "minute")]
        if limits.per_second is not None:
            waits.append((self._window(self._calls, SECOND, limits.per_second), "second"))
        if batch and limits.batch_per_minute is not None:
            waits.append((self._window(self._batches, MINUTE, limits.batch_per_minute), "batch"))
        if limits.per_day is not None and self._today() == self._day and self._day_used >= limits.per_day * SAFETY:
            waits.append((_until_tomorrow(self._clock()), "day"))
        return max(waits)

    def _window(self, calls: deque[float], length: float, limit: int) -> float:
        """Seconds until another call fits in a sliding window."""
        allowed = max(1, int(limit * SAFETY))
        recent = self._recent(calls, length)
        if len(recent) < allowed:
            return 0.0
        return recent[-allowed] + length - self._clock()

    def _recent(self, calls: deque[float], length: float) -> list[float]:
        now = self._clock()
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        return [at for at in calls if at > now - length]

    def _today(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).date().isoformat()

    def _count_day(self, now: float) -> None:
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        if today != self._day:
            self._day, self._day_used = today, 0
        if today[:7] != self._month:
            self._month, self._month_used = today[:7], 0
        self._day_used += 1
        self._month_used += 1


def public_budget(saved: Json, limits: Limits, now: float) -> Json:
    """What the API shows of a budget: calls used of each limit, and totals since connecting."""
    recent = [at for at in saved.get("calls", ()) if at > now - MINUTE]
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    return {
        "minute": {"used": len(recent), "limit": limits.per_minute},
        "day": {"used": saved.get("day_used", 0) if saved.get("day") == today else 0, "limit": limits.per_day},
        "month": {"used": saved.get("month_used", 0) if saved.get("month") == today[:7] else 0},
        "calls": saved.get("total", 0),
        "bytes_in": saved.get("bytes_in", 0),
        "bytes_out": saved.get("bytes_out", 0),
    }


def _number(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdecimal() else None


def _until_tomorrow(now: float) -> float:
    moment = datetime.fromtimestamp(now, UTC)
    tomorrow = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - moment).total_seconds()
