"""Looking API keys up: requests that arrive while a look-up runs share the next one.

Every request is told what the table said after it came, so that a revocation counts from the next request on.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from app.db import api_keys
from app.db.session import Database


@dataclass(slots=True)
class KeyLookUps:
    """One process's door to the keys."""

    database: Database
    _waiting: "dict[str, asyncio.Future[Any]]" = field(default_factory=dict)
    _asking: "asyncio.Task[None] | None" = None

    async def find(self, key_hash: str) -> Any:
        """The usable key (`id, firm_id, name, role`) with this hash, or None. Raises Unavailable."""
        told = self._waiting.get(key_hash)
        if told is None:
            told = self._waiting[key_hash] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(told)  # others may wait for the same key: who hangs up does not end it for them

    async def _ask(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            try:
                found = await api_keys.find(self.database.glances, list(waiting))
            except Exception as error:  # noqa: BLE001  handed to every request that waits for this answer
                for told in waiting.values():
                    told.set_exception(error)
                    told.exception()  # nobody may be waiting any more
            else:
                for key_hash, told in waiting.items():
                    told.set_result(found.get(key_hash))
