"""What happens to every request before a route sees it. Plain ASGI: nothing here reads a body or buffers an answer."""

import time
from collections.abc import Mapping
from http import HTTPMethod

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.edge.limits import STATE
from app.edge.problems import internal_error, problem
from app.logs import bind_request

MAX_BODY_BYTES = 12_000_000
MAX_FILE_BYTES = 33_000_000  # an upload of a file and what multipart puts around it
_UPLOADS = frozenset({"/api/import/quickbooks", "/api/import/xero", "/files/import"})
_WEBHOOKS = frozenset({"/api/webhooks/qbo", "/api/webhooks/quickbooks", "/api/webhooks/xero"})
_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # For whatever is no page of ours: JSON opened in a browser runs and loads nothing.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
_MOUNTED = "/admin"  # what is mounted is found by its slash
_log = structlog.get_logger(__name__)


class Metrics:
    """Counts and durations of requests by route, never by path: ids would make a series each."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "tieout_http_requests", "Requests answered.", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram("tieout_http_request_seconds", "Time to answer.", labels, registry=self.registry)
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Note one answered request."""
        route = getattr(scope.get("route"), "path", "") or _webhook(scope["path"])
        method = scope["method"] if scope["method"] in HTTPMethod.__members__ else "other"  # callers may invent any
        series = self._series.get((method, route, status))
        if series is None:
            requests, took = self._requests.labels(method, route, status), self._seconds.labels(method, route)
            series = self._series[method, route, status] = requests, took
        series[0].inc()
        series[1].observe(seconds)


def _webhook(path: str) -> str:
    """The label of a plain Starlette route, which leaves no route in the scope; anything else is unknown."""
    return path if path in _WEBHOOKS else "unknown"


class RequestContext:
    """The outermost: a request id in logs and answer, security headers, metrics, an answer to unexpected errors."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, https: bool, unexpected: ASGIApp) -> None:
        self._app = app
        self._unexpected = unexpected
        self._metrics = metrics
        fixed = {**_HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if https else {})}
        self._fixed = [(name.lower().encode(), value.encode()) for name, value in fixed.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), None)
        started = time.perf_counter()
        status = 0
        with bind_request(given) as request_id:

            async def answer(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    headers = message["headers"] = list(message.get("headers", ()))
                    there = {name for name, _ in headers}
                    headers += [pair for pair in self._fixed if pair[0] not in there]
                    headers += scope.get("state", {}).get(STATE, ())
                    headers.append((b"x-request-id", request_id.encode()))
                await send(message)

            try:
                await self._app(scope, receive, answer)
            except ClientDisconnect:
                _log.info("caller_hung_up", method=scope["method"], path=scope["path"])
            except Exception:  # the last chance to answer with a problem document; the log has the cause
                _log.exception("unexpected_error", method=scope["method"], path=scope["path"])
                if status:
                    raise
                await self._unexpected(scope, receive, answer)
            finally:
                structlog.contextvars.unbind_contextvars("firm_id", "subject")
                self._metrics.count(scope, status, time.perf_counter() - started)


class TrailingSlash:
    """`/x/` is `/x`, without a redirect: redirects lose bodies and credentials on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"].rstrip("/") or "/"
        if scope.get("path") == _MOUNTED:
            scope["path"] += "/"
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies that are too large, by their announced length or while they arrive, with a problem document."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "GET":  # nobody reads the body of a GET
            await self._app(scope, receive, send)
            return
        limit = MAX_FILE_BYTES if scope["path"] in _UPLOADS else self._limit
        announced = Request(scope).headers.get("content-length", "0")
        arrived = 0
        answered = False

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            # The reader takes this for a caller who hung up, and stops; what it then answers is replaced below.
            return message if arrived <= limit else {"type": "http.disconnect"}

        async def answer(message: Message) -> None:
            nonlocal answered
            if answered or arrived <= limit:
                answered = True
                await send(message)

        if not announced.isdecimal() or int(announced) <= limit:
            try:
                await self._app(scope, counted, answer)
            except ClientDisconnect:
                if arrived <= limit:
                    raise
            if answered or arrived <= limit:
                return
        detail = f"At most {limit:,} bytes are accepted."
        await problem(413, "body_too_large", "The body is too large", detail)(scope, receive, send)


async def unexpected(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to an error that nobody foresaw."""
    await internal_error()(scope, receive, send)


class Cors(CORSMiddleware):
    """Starlette's, which looks through each answer; where no other site asks there is one header to add."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin")]
            await send(message)

        await self.app(scope, receive, answer)
