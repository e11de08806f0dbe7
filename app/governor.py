"""Call budgets of one company: never a 429 of our own making, and a count of what calls and bytes cost.

A governor lives with the one runner that holds the company's lease, so no call costs a database round trip; its state
is saved with the connection when the lease is given back. Waiting here costs no attempt.
"""

import asyncio
import time
from calendar import monthrange
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
BLOCK = 20  # calls of the application's own limit that are taken at a time
MOST = 1_000_000
_OUTCOMES = ("ok", "refused", "throttled", "failed", "silent")
_TOTALS = ("total", "bytes_in", "bytes_out", "month_bytes_in", *_OUTCOMES)


Reserve = Callable[[int], Awaitable[float]]
"""Takes so many calls of the application's own limit; answers the seconds to wait where it is used up, else 0."""


class Governor:
    """Meters and permits calls to one company. `clock` is in seconds since the epoch.

    `reserve` is asked only where the vendor also limits the application as a whole, once per BLOCK calls.
    """

    def __init__(
        self,
        limits: Limits,
        saved: Json,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        reserve: Reserve | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._sleep = sleep
        self._reserve = reserve if limits.app_per_minute is not None else None
        self._block: tuple[int, int] = (0, 0)  # the minute it was taken in, and what is left of it
        self._calls: deque[float] = deque(saved.get("calls", ()))
        self._batches: deque[float] = deque(saved.get("batches", ()))
        self._day: str = saved.get("day", "")
        self._day_used: int = saved.get("day_used", 0)
        self._totals: dict[str, int] = {name: saved.get(name, 0) for name in _TOTALS}
        self._month: str = saved.get("month", "")
        self._month_used: int = saved.get("month_used", 0)
        self._unanswered = 0

    def room(self, *, batch: bool) -> int:
        """How many calls would be admitted now without waiting; at least one, which may have to wait."""
        limits = self._limits
        room = min(
            self._free(self._calls, MINUTE, limits.per_minute),
            self._free(self._calls, SECOND, limits.per_second or limits.per_minute),
            self._free(self._batches, MINUTE, limits.batch_per_minute or limits.per_minute) if batch else MOST,
        )
        return max(1, room)

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
        await self._take_of_the_application()
        now = self._clock()
        self._calls.append(now)
        if batch:
            self._batches.append(now)
        self._count_day(now)
        self._unanswered += 1

    async def _take_of_the_application(self) -> None:
        if self._reserve is None:
            return
        minute = int(self._clock() // MINUTE)
        taken_in, left = self._block
        if taken_in != minute or left <= 0:
            # The place in the block is taken before waiting for it, as several calls come here at a time.
            self._block = (minute, BLOCK)
            wait = await self._reserve(BLOCK)
            if wait > 0:
                self._block = (0, 0)
                raise RateLimited(
                    "The application's own budget is used up.", retry_after=timedelta(seconds=wait), limit="app"
                )
        taken_in, left = self._block
        self._block = (taken_in, left - 1)

    def observe(self, answer: Answer, sent: int) -> None:
        """Learn from an answer: bytes, and what the vendor says is left for all applications of this company."""
        self._unanswered -= 1
        self._totals["total"] += 1
        self._totals[_outcome(answer.status)] += 1
        self._totals["bytes_in"] += len(answer.body)
        self._totals["bytes_out"] += sent
        self._totals["month_bytes_in"] += len(answer.body)
        left = _number(answer.headers.get(self._limits.minute_header)) if self._limits.minute_header else None
        if left is not None:
            missing = self._limits.per_minute - left - len(self._recent(self._calls, MINUTE))
            self._calls.extend([self._clock()] * max(0, missing))
        left = _number(answer.headers.get(self._limits.day_header)) if self._limits.day_header else None
        if left is not None and self._limits.per_day is not None:
            self._day_used = max(self._day_used, self._limits.per_day - left)

    def saved(self) -> Json:
        """What the next runner of this company must know, as JSON. No call is under way any more."""
        self._totals["silent"] += self._unanswered
        self._unanswered = 0
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

    def _free(self, calls: deque[float], length: float, limit: int) -> int:
        return max(1, int(limit * SAFETY)) - len(self._recent(calls, length))

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
            self._totals["month_bytes_in"] = 0
        self._day_used += 1
        self._month_used += 1


def _outcome(status: int) -> str:
    if status == 429:
        return "throttled"
    return "ok" if status < 400 else "refused" if status < 500 else "failed"


def public_budget(saved: Json, limits: Limits, now: float) -> Json:
    """What the API shows of a budget: calls used of each limit, and totals since connecting."""
    recent = [at for at in saved.get("calls", ()) if at > now - MINUTE]
    moment = datetime.fromtimestamp(now, UTC)
    today = moment.date().isoformat()
    this_month = saved.get("month") == today[:7]
    used = saved.get("month_used", 0) if this_month else 0
    received = saved.get("month_bytes_in", 0) if this_month else 0
    return {
        "minute": {"used": len(recent), "limit": limits.per_minute},
        "day": {"used": saved.get("day_used", 0) if saved.get("day") == today else 0, "limit": limits.per_day},
        "month": {
            "used": used,
            "forecast": _by_the_end_of_the_month(used, moment),
            "bytes_in": received,
            "bytes_in_forecast": _by_the_end_of_the_month(received, moment),
        },
        "calls": saved.get("total", 0),
        "bytes_in": saved.get("bytes_in", 0),
        "bytes_out": saved.get("bytes_out", 0),
    }


def _number(header: str | None) -> int | None:
    return int(header) if header is not None and header.isdecimal() else None


def _by_the_end_of_the_month(so_far: int, moment: datetime) -> int:
    """What it comes to if the month goes on as it began; the first day counts as a whole one."""
    days = monthrange(moment.year, moment.month)[1]
    elapsed = max(1.0, moment.day - 1 + moment.hour / 24)
    return round(so_far * days / elapsed)


def _until_tomorrow(now: float) -> float:
    moment = datetime.fromtimestamp(now, UTC)
    tomorrow = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - moment).total_seconds()
