"""Counts of calls and bytes by provider, company and route."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class _Tally:
    total: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    in_by_route: Counter[str] = field(default_factory=Counter)
    out_by_route: Counter[str] = field(default_factory=Counter)

    def merge(self, other: "_Tally") -> None:
        self.total += other.total
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.by_route.update(other.by_route)
        self.by_status.update(other.by_status)
        self.in_by_route.update(other.in_by_route)
        self.out_by_route.update(other.out_by_route)


class CallLog:
    """Tallies per (provider, company); `company` is "" for OAuth and other calls without one."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def record(
        self, provider: str, company: str, method: str, route: str, status: int, bytes_in: int, bytes_out: int
    ) -> None:
        """Count one call. `status` 0 means that no answer left."""
        tally = self._tallies.setdefault((provider, company), _Tally())
        tally.total += 1
        tally.bytes_in += bytes_in
        tally.bytes_out += bytes_out
        tally.by_route[f"{method} {route}"] += 1
        tally.by_status[str(status)] += 1
        tally.in_by_route[f"{method} {route}"] += bytes_in
        tally.out_by_route[f"{method} {route}"] += bytes_out

    def snapshot(self, provider: str | None = None, company: str | None = None) -> dict[str, Any]:
        """Sums of the matching tallies: total, bytes_in, bytes_out, by_route, by_status, bytes_by_route."""
        out = _Tally()
        for (its_provider, its_company), tally in self._tallies.items():
            if provider in (None, its_provider) and company in (None, its_company):
                out.merge(tally)
        return {
            "total": out.total,
            "bytes_in": out.bytes_in,
            "bytes_out": out.bytes_out,
            "by_route": dict(out.by_route),
            "by_status": dict(out.by_status),
            "bytes_by_route": {
                route: {"in": out.in_by_route[route], "out": out.out_by_route[route]} for route in out.by_route
            },
        }

    def clear(self) -> None:
        """Forget everything."""
        self._tallies.clear()


class CallMiddleware:
    """ASGI middleware that records each HTTP call; `describe(scope)` gives (company, route name)."""

    def __init__(
        self, app: ASGIApp, provider: str, calls: CallLog, describe: Callable[[Scope], tuple[str, str]]
    ) -> None:
        self._app = app
        self._provider = provider
        self._calls = calls
        self._describe = describe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and count what went in and out, also when it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, bytes_in, bytes_out = 0, 0, 0

        async def counted_receive() -> Message:
            nonlocal bytes_in
            message = await receive()
            bytes_in += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            nonlocal status, bytes_out
            if message["type"] == "http.response.start":
                status = message["status"]
            bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, counted_receive, counted_send)
        finally:
            company, route = self._describe(scope)
            self._calls.record(self._provider, company, scope["method"], route, status, bytes_in, bytes_out)
