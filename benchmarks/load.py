"""A load of HTTP/1.1 requests over kept connections, light enough that the server is what is measured."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlsplit

Make = Callable[[], bytes]


def request(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """One request, byte for byte."""
    parts = urlsplit(url)
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def rate(url: str, make: Make, connections: int, seconds: float) -> float:
    """Answers of 200 a second. Raises AssertionError for any other."""
    parts = urlsplit(url)
    until = time.perf_counter() + seconds
    begun = time.perf_counter()
    done = 0

    async def go() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while time.perf_counter() < until:
                writer.write(make())
                head = await reader.readuntil(b"\r\n\r\n")
                status, length = head.split(b" ", 2)[1], 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = await reader.readexactly(length) if length else b""
                if status != b"200":
                    raise AssertionError(head + body)
                done += 1
        finally:
            writer.close()

    await asyncio.gather(*(go() for _ in range(connections)))
    return done / (time.perf_counter() - begun)
