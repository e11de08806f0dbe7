"""Rate limits: always counted and reported in headers, enforced only when switched on."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.core.clock import Clock

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass
class _Window:
    start: datetime
    used: int = 0


@dataclass
class Refusal:
    """Why a call is refused; `wait` in seconds goes into Retry-After (None: the header is absent)."""

    problem: str
    wait: int | None


@dataclass
class Limits:
    """Per organisation and app: `minute`, `day`, `concurrent` calls; per app: `app` calls a minute.

    `latency` is how long each call is held, in real seconds, so that concurrency can be observed. `volume` is how
    many records a filter may touch before it is refused as inefficient.
    """

    clock: Clock
    enforce: bool = False
    minute: int = 60
    day: int = 5000
    concurrent: int = 5
    app: int = 10_000
    latency: float = 0.0
    volume: int = 100_000
    _windows: dict[tuple[str, ...], _Window] = field(default_factory=dict)
    _running: dict[tuple[str, str], int] = field(default_factory=dict)

    def enter(self, client: str, tenant: str) -> Refusal | None:
        """Count a call in, or refuse it. A call that was let in must `leave`."""
        key = (client, tenant)
        windows = [
            ("minute", self._window(("minute", *key), MINUTE), self.minute, MINUTE),
            ("day", self._window(("day", *key), DAY), self.day, DAY),
            ("appminute", self._window(("app", client), MINUTE), self.app, MINUTE),
        ]
        if self.enforce:
            if self._running.get(key, 0) >= self.concurrent:
                return Refusal("concurrent", None)
            for name, window, limit, span in windows:
                if window.used >= limit:
                    left = window.start + span - self.clock.now()
                    # Retry-After comes with the organisation's own limits only.
                    wait = None if name == "appminute" else max(1, -(-left // timedelta(seconds=1)))
                    return Refusal(name, wait)
        for _, window, _, _ in windows:
            window.used += 1
        self._running[key] = self._running.get(key, 0) + 1
        return None

    def leave(self, client: str, tenant: str) -> None:
        """The call is over."""
        self._running[client, tenant] -= 1

    def headers(self, client: str, tenant: str) -> dict[str, str]:
        """The three counters of every answer that belongs to an organisation."""
        minute = self._window(("minute", client, tenant), MINUTE)
        day = self._window(("day", client, tenant), DAY)
        app = self._window(("app", client), MINUTE)
        return {
            "X-DayLimit-Remaining": str(max(0, self.day - day.used)),
            "X-MinLimit-Remaining": str(max(0, self.minute - minute.used)),
            "X-AppMinLimit-Remaining": str(max(0, self.app - app.used)),
        }

    def _window(self, key: tuple[str, ...], span: timedelta) -> _Window:
        now = self.clock.now()
        window = self._windows.get(key)
        if window is None or not timedelta() <= now - window.start < span:
            window = self._windows[key] = _Window(now)
        return window
