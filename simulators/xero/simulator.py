"""The Xero simulator as one ASGI app: identity, connections, accounting API and pages."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simulators.core.calls import CallLog, CallMiddleware
from simulators.core.clock import Clock
from simulators.core.faults import FaultMiddleware, Faults, route_path
from simulators.xero.api import ENDPOINTS, accounting
from simulators.xero.control import xero_control
from simulators.xero.events import EventStream
from simulators.xero.oauth_routes import oauth_routes
from simulators.xero.pages import page_routes
from simulators.xero.presets import presets
from simulators.xero.recent import RecentCall, RecentCalls
from simulators.xero.sender import XeroSender
from simulators.xero.wire import not_simulated
from simulators.xero.world import fresh

PROVIDER = "xero"
API = "/api.xro/2.0"
QUARTER_HOUR = 900.0
# At once, then about every quarter of an hour for a day.
RETRIES = (0.0, *([QUARTER_HOUR] * 96))


# Parts of a path that are no ids.
_FIXED = {"allocations", "actions", "options", "contacts", "attachments", "history", "pdf"}


class XeroSimulator:
    """Stand-in for Xero. `app` is wrapped in fault and call-log middleware; `control_routes` go below /_sim/xero."""

    def __init__(self, clock: Clock, faults: Faults, calls: CallLog) -> None:
        self.clock = clock
        self.webhooks = XeroSender(clock, RETRIES)
        self.events = EventStream(clock, self.webhooks, self._connected)
        self.world = fresh(clock, self.events)
        routes = [
            *oauth_routes(lambda: self.world.identity),
            Route(API + "/{path:path}", self._accounting, methods=["GET", "PUT", "POST", "PATCH", "DELETE"]),
            *page_routes(lambda: self.world, self._recent_calls),
            Route("/{rest:path}", _absent, methods=["GET", "PUT", "POST", "PATCH", "DELETE"]),
        ]
        faults.offer(PROVIDER, presets())
        inner = FaultMiddleware(_AnyCase(Starlette(routes=routes)), PROVIDER, faults)
        self.recent = RecentCalls(inner, clock)
        self.app: ASGIApp = CallMiddleware(self.recent, PROVIDER, calls, describe)
        self.control_routes = xero_control(lambda: self.world, self.webhooks)

    def reset(self) -> None:
        """Back to the seeds; tokens, connections and webhook target are gone."""
        self.webhooks.reset()
        self.events.reset()
        self.recent.calls.clear()
        self.world = fresh(self.clock, self.events)

    async def aclose(self) -> None:
        """Stop background delivery."""
        self.events.reset()
        await self.webhooks.aclose()

    def _connected(self, tenant: str) -> bool:
        return any(c.tenant_id == tenant for c in self.world.identity.connections.values())

    def _recent_calls(self, tenant: str) -> list[RecentCall]:
        return self.recent.of(tenant)

    async def _accounting(self, request: Request) -> Response:
        return await accounting(self.world, request)


def describe(scope: Scope) -> tuple[str, str]:
    """(tenant id, route) of a call for the log: ids in paths become {id}."""
    tenant = next((v.decode("latin-1") for k, v in scope["headers"] if k == b"xero-tenant-id"), "")
    path = route_path(scope)
    if not path.lower().startswith(f"{API}/"):
        head = path.lower().split("/")
        return "", "/connections/{id}" if head[1:2] == ["connections"] and len(head) > 2 else path.lower()
    name, *rest = [part for part in path[len(API) :].split("/") if part] or [""]
    shown = [part if part.lower() in _FIXED else "{id}" for part in rest]
    known = name.lower() if name.lower() in ENDPOINTS else "other"
    return tenant.lower(), "/".join(["", known, *shown])


async def _absent(request: Request) -> Response:
    return not_simulated(f"{request.method} {route_path(request.scope)} is not simulated")


class _AnyCase:
    """Paths match in any case, as at Xero; what follows the endpoint keeps its case."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Fold the fixed part of the path to lower case."""
        if scope["type"] == "http":
            path = route_path(scope)
            low = path.lower()
            folded = API + path[len(API) :] if low.startswith(f"{API}/") else low
            scope = {**scope, "path": scope.get("root_path", "") + folded}
        await self._app(scope, receive, send)
