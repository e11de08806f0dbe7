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


class PrincipalLimits:
    """Counts the requests of each principal."""

    def __init__(self, settings: Settings) -> None:
        storage = storage_from_string(settings.rate_limit_storage)
        if not isinstance(storage, Storage):
            raise TypeError("RATE_LIMIT_STORAGE must begin with async+, such as async+memory://")
        self._counter = SlidingWindowCounterRateLimiter(storage)
        self._limit: RateLimitItem = parse(settings.rate_limit)

    async def count(self, request: Request, firm_id: int, subject: str) -> None:
        """Count one request. Raises TooManyRequests; the headers go with the answer either way."""
        who = (str(firm_id), subject)
        allowed = await self._counter.hit(self._limit, *who)
        window = await self._counter.get_window_stats(self._limit, *who)
        seconds = max(1, math.ceil(window.reset_time - time.time()))
        setattr(
            request.state,
            STATE,
            {
                "RateLimit-Limit": str(self._limit.amount),
                "RateLimit-Remaining": str(max(0, window.remaining)),
                "RateLimit-Reset": str(seconds),
            },
        )
        if not allowed:
            raise TooManyRequests(f"This credential may send {self._limit}.", retry_after=timedelta(seconds=seconds))
