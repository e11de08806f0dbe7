"""COPY's text form in portions of bytes, as rows of text, handed on in a thread."""

import asyncio
import re
from collections.abc import Callable, Sequence

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PORTION = 1 << 18
_MEANS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class CopiedRows:
    """Rows of a COPY whose columns are never null. A row may be cut by the end of a portion."""

    def __init__(self) -> None:
        self._rest = b""

    def rows(self, chunk: bytes) -> list[Sequence[str]]:
        """The rows that are complete now."""
        data = self._rest + chunk if self._rest else chunk
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if not end:
            return []
        text = data[: end - 1].decode()
        if "\\" not in text:
            return [line.split("\t") for line in text.split("\n")]
        return [_unescaped(line) if "\\" in line else line.split("\t") for line in text.split("\n")]


def _unescaped(line: str) -> list[str]:
    return [_ESCAPE.sub(lambda found: _MEANS.get(found[1], found[1]), cell) for cell in line.split("\t")]


class Relay:
    """Hands rows to `use` in a thread, a portion at a time and in their order.

    The event loop serves others meanwhile, and the database sends the next portion while this one is in hand; no more
    than these two are held.
    """

    def __init__(self, use: Callable[[Sequence[Sequence[str]]], None]) -> None:
        self._use = use
        self._copied = CopiedRows()
        self._waiting: list[bytes] = []
        self._size = 0
        self._in_hand: asyncio.Task[None] | None = None

    async def take(self, chunk: bytes) -> None:
        """One portion of the COPY, of any size."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._size > _PORTION:
            await self._hand_on()

    async def finish(self) -> None:
        """Hand on what is left, and wait for it."""
        await self._hand_on()
        await self._settle()

    async def stop(self) -> None:
        """Wait until the thread holds nothing any more, whatever became of it."""
        if self._in_hand is not None:
            await asyncio.wait([self._in_hand])
            self._in_hand = None

    async def _hand_on(self) -> None:
        await self._settle()
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        self._in_hand = asyncio.create_task(asyncio.to_thread(self._work, data))

    async def _settle(self) -> None:
        if self._in_hand is not None:
            task, self._in_hand = self._in_hand, None
            await task

    def _work(self, data: bytes) -> None:
        self._use(self._copied.rows(data))
