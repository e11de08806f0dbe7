"""Serving a file that is ready, and learning whether it was taken to its last byte."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import IO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_BLOCK = 1 << 18


class FileAnswer(Response):
    """Sends an open file, closes it, and then calls `taken`: only where no send failed and nobody hung up."""

    def __init__(
        self,
        file: IO[bytes],
        *,
        size: int,
        name: str,
        media_type: str,
        headers: Mapping[str, str],
        taken: Callable[[], Awaitable[None]],
    ) -> None:
        self.media_type = media_type
        self.status_code = 200
        self.background = None
        self.body = b""
        disposition = f"attachment; filename={quote(name)}"
        self.init_headers({**headers, "Content-Disposition": disposition, "Content-Length": str(size)})
        self._file = file
        self._taken = taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Send the file block by block; it is closed whatever happens.

        A server may drop what it is told to send to a caller who hung up, so that is listened for beside it.
        """
        gone = asyncio.create_task(_hung_up(receive))
        try:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(start)
            while block := await run_in_threadpool(self._file.read, _BLOCK):
                await send({"type": "http.response.body", "body": block, "more_body": True})
                if gone.done():
                    return
            await asyncio.sleep(0)  # lets the listener hear what has arrived
            if gone.done():
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            self._file.close()
        await self._taken()


async def _hung_up(receive: Receive) -> None:
    """Returns once the caller is gone; what is left of the request's body comes before that."""
    while (await receive())["type"] != "http.disconnect":
        continue
