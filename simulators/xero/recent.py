"""The last calls to the accounting API, for the page of an organisation."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulators.core.clock import Clock
from simulators.core.faults import route_path

KEPT = 500


@dataclass(frozen=True)
class RecentCall:
    """One call; `status` 0 means that no answer left."""

    at: datetime
    tenant: str
    method: str
    path: str
    status: int


class RecentCalls:
    """ASGI middleware that keeps the last calls."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self.calls: deque[RecentCall] = deque(maxlen=KEPT)

    def of(self, tenant: str) -> list[RecentCall]:
        """The calls for one organisation, newest first."""
        return [call for call in reversed(self.calls) if call.tenant == tenant]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and note what it answered, also when it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            tenant = next((v.decode("latin-1").lower() for k, v in scope["headers"] if k == b"xero-tenant-id"), "")
            query = scope["query_string"].decode("latin-1")
            path = route_path(scope) + (f"?{query}" if query else "")
            self.calls.append(RecentCall(self._clock.now(), tenant, scope["method"], path, status))
