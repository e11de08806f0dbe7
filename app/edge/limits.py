"""How often one principal may ask, counted over a sliding minute; the headers say what is left.

`RATE_LIMIT_STORAGE` names where the counts are kept: `async+memory://` counts per process, `async+redis://…` (with the
package `limits[async-redis]`) for all processes together.
"""

import math
import time
from datetime import timedelta

from fastapi import Request
from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from app.errors import TooManyRequests
from app.settings import Settings

STATE = "rate_limit_headers"
IN_MEMORY = "async+memory://"


class PrincipalLimits:
    """Counts the requests of each principal."""

    def __init__(self, settings: Settings) -> None:
        self._limit: RateLimitItem = parse(settings.rate_limit)
        memory = settings.rate_limit_storage == IN_MEMORY
        self._counter = _InMemory(self._limit) if memory else _InStorage(self._limit, settings.rate_limit_storage)

    async def count(self, request: Request, firm_id: int, subject: str) -> None:
        """Count one request. Raises TooManyRequests; the headers go with the answer either way."""
        allowed, left, again = await self._counter.hit(str(firm_id), subject)
        seconds = max(1, math.ceil(again - time.time()))
        setattr(
            request.state,
            STATE,
            [
                (b"ratelimit-limit", str(self._limit.amount).encode()),
                (b"ratelimit-remaining", str(max(0, left)).encode()),
                (b"ratelimit-reset", str(seconds).encode()),
            ],
        )
        if not allowed:
            raise TooManyRequests(f"This credential may send {self._limit}.", retry_after=timedelta(seconds=seconds))


class _InStorage:
    """Counts where several processes see them."""

    def __init__(self, limit: RateLimitItem, address: str) -> None:
        storage = storage_from_string(address)
        if not isinstance(storage, Storage):
            raise TypeError("RATE_LIMIT_STORAGE must begin with async+, such as async+memory://")
        self._limit = limit
        self._counter = SlidingWindowCounterRateLimiter(storage)

    async def hit(self, *who: str) -> tuple[bool, int, float]:
        """Whether one more is allowed, how many are left, and when there will be more (seconds since 1970)."""
        allowed = await self._counter.hit(self._limit, *who)
        window = await self._counter.get_window_stats(self._limit, *who)
        return allowed, window.remaining, window.reset_time


class _InMemory:
    """The same count in this process alone, without waiting: the window before this one counts by its rest."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._most, self._seconds = limit.amount, limit.get_expiry()
        self._window = 0
        self._now: dict[tuple[str, ...], int] = {}
        self._before: dict[tuple[str, ...], int] = {}

    async def hit(self, *who: str) -> tuple[bool, int, float]:
        """Whether one more is allowed, how many are left, and when there will be more (seconds since 1970)."""
        now = time.time()
        window, passed = divmod(now, self._seconds)
        if window != self._window:
            self._before = self._now if window == self._window + 1 else {}
            self._now, self._window = {}, int(window)
        rest = self._seconds - passed
        before, count = self._before.get(who, 0), self._now.get(who, 0)
        weighed = before * rest / self._seconds
        allowed = math.floor(weighed + count) < self._most
        if allowed:
            count = self._now[who] = count + 1
        sooner = rest % (self._seconds / before) if before else rest
        return allowed, self._most - math.floor(weighed + count), now + min(rest, sooner)
