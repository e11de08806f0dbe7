"""Throttling and metering (reference 2.3), off unless switched on.

`enforce`: 500 calls a minute per realm; per realm and app 10 a second and 40 batches a minute; 120 batches a minute per
realm. `monthly`: so many CorePlus calls (reads, queries, change data capture) in a calendar month over all companies,
then 429 until the month is over, as in the Builder tier.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from simulators.core.clock import Clock

_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)
Window = tuple[str, str, str]


class Limits:
    """Sliding windows of the calls made. Calls that were throttled do not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget the windows and the month, and switch both off."""
        self.enforce = False
        self.monthly: int | None = None
        self._metered: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._calls: defaultdict[Window, deque[datetime]] = defaultdict(deque)

    @property
    def metered(self) -> int:
        """The successful CorePlus calls of the present month."""
        return self._metered.get(self._month(), 0)

    def admit(self, realm: str, client: str = "", batch: bool = False, core_plus: bool = False) -> bool:
        """Whether one more call is allowed now; counts it in the windows when it is."""
        if core_plus and self.monthly is not None and self.metered >= self.monthly:
            return False
        if not self.enforce:
            return True
        now = self._clock.now()
        windows = list(_windows(realm, client, batch))
        for key, most, span in windows:
            calls = self._calls[key]
            while calls and now - calls[0] >= span:
                calls.popleft()
            if len(calls) >= most:
                return False
        for key, _, _ in windows:
            self._calls[key].append(now)
        return True

    def meter(self) -> None:
        """A CorePlus call succeeded."""
        self._metered[self._month()] += 1

    def _month(self) -> tuple[int, int]:
        now = self._clock.now()
        return now.year, now.month


def _windows(realm: str, client: str, batch: bool) -> Iterator[tuple[Window, int, timedelta]]:
    yield ("minute", realm, ""), 500, _MINUTE
    yield ("second", realm, client), 10, _SECOND
    if batch:
        yield ("batch", realm, client), 40, _MINUTE
        yield ("batches", realm, ""), 120, _MINUTE
