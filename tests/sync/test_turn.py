"""A turn that is told to stop stops, also in the moment in which it ends its own helper."""

import asyncio
import contextlib
from typing import Any

import pytest

from app.sync.turn import Turn


async def test_a_stop_that_comes_while_the_renewal_ends_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = asyncio.Event()

    async def slow_to_end(_turn: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ending.set()
            await asyncio.sleep(0.1)

    monkeypatch.setattr(Turn, "_renew", slow_to_end)
    turn = object.__new__(Turn)
    went_on = False

    async def work() -> None:
        nonlocal went_on
        async with turn.renewed():
            await asyncio.sleep(0)
        went_on = True

    task = asyncio.create_task(work())
    await ending.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert not went_on
