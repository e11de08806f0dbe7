"""Throttling per realm, off unless switched on: 500 a minute, 10 a second, 40 batches a minute (reference 2.3)."""

from collections import defaultdict, deque
from datetime import datetime, timedelta

from simulators.core.clock import Clock

_WINDOWS = {"minute": (500, timedelta(minutes=1)), "second": (10, timedelta(seconds=1))}
_BATCH = (40, timedelta(minutes=1))


class Limits:
    """Sliding windows of the calls each realm made. Calls that were throttled do not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget the windows and switch enforcement off."""
        self.enforce = False
        self._calls: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)

    def admit(self, realm: str, batch: bool) -> bool:
        """Whether one more call is allowed now; counts it when it is."""
        if not self.enforce:
            return True
        now = self._clock.now()
        windows = dict(_WINDOWS) | ({"batch": _BATCH} if batch else {})
        for name, (most, span) in windows.items():
            calls = self._calls[realm, name]
            while calls and now - calls[0] >= span:
                calls.popleft()
            if len(calls) >= most:
                return False
        for name in windows:
            self._calls[realm, name].append(now)
        return True
