"""A span around every request, where traces are wanted: by route, never by path, and without its query."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import tracing


class Traced:
    """Plain ASGI, outside of everything that may take time. A caller's own trace is not continued."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not tracing.is_on():
            await self._app(scope, receive, send)
            return
        with tracing.span(scope["method"], "server", http__request__method=scope["method"]) as span:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    span.set_attribute("tieout.request_id", Headers(raw=message["headers"]).get("x-request-id", ""))
                    if message["status"] >= 500:
                        tracing.failed(span, str(message["status"]))
                await send(message)

            await self._app(scope, receive, answer)
            route = getattr(scope.get("route"), "path", "")
            if route:
                span.set_attribute("http.route", route)
                span.update_name(f"{scope['method']} {route}")
