"""One listening connection per process: who waits for news of a firm's runs is woken, whoever's process made them."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import structlog

CHANNEL = "tieout_runs"
RETRY_SECONDS = 2.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class RunNews:
    """Opened by whoever waits first, kept while the process lives. While it is away, waiting ends by its time-out."""

    conninfo: str = field(repr=False)
    _bells: dict[int, set[asyncio.Event]] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    @contextlib.contextmanager
    def of_firm(self, firm_id: int) -> Iterator[asyncio.Event]:
        """An event that is set whenever a run of the firm changes; clear it before looking."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())
        bell = asyncio.Event()
        self._bells.setdefault(firm_id, set()).add(bell)
        try:
            yield bell
        finally:
            waiting = self._bells[firm_id]
            waiting.discard(bell)
            if not waiting:
                del self._bells[firm_id]

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _listen(self) -> None:
        options = "-c role=tieout_system"
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.conninfo, autocommit=True, options=options, connect_timeout=5
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for news in connection.notifies():
                        for bell in self._bells.get(int(news.payload), ()):
                            bell.set()
            except psycopg.Error as error:
                _log.warning("not_listening", reason=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)
