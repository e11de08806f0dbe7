"""The simulators' clock: runs like the real one unless a test freezes or moves it."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Aware UTC time. `advance` moves it for good; `freeze` stops it; `reset` returns to real time."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen is not None

    def now(self) -> datetime:
        """The simulated moment, aware UTC."""
        if self._frozen is not None:
            return self._frozen
        return datetime.now(UTC) + self._offset

    def freeze(self, at: datetime | None = None) -> None:
        """Stop at `at` (aware) or at the present simulated moment. Raises ValueError on a naive time."""
        moment = at if at is not None else self.now()
        if moment.tzinfo is None:
            raise ValueError("freeze needs an aware datetime")
        self._frozen = moment.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move forward (or back) by a span, frozen or not."""
        if self._frozen is not None:
            self._frozen += by
        else:
            self._offset += by

    def reset(self) -> None:
        """Back to real time."""
        self._offset = timedelta()
        self._frozen = None
