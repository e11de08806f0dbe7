"""Where QuickBooks and Xero post: verify the raw bytes, store, answer empty. Plain Starlette: vendors count seconds.

Webhooks are a hint to go and look, so a replayed or invented event can at worst cost one read.
"""

import base64
import time
from datetime import datetime
from typing import Any

import structlog
from starlette.datastructures import Headers, State
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.canonical import ProviderName
from app.crypto import hmac_matches
from app.db.inbox import Delivery
from app.db.session import UNAVAILABLE
from app.errors import Invalid
from app.logs import bind_request
from app.providers import registry
from app.providers.base import RemoteEvent
from app.providers.registry import SPECS

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024
PATHS = {
    f"/api/webhooks/{word}{slash}": spec.name
    for spec in SPECS.values()
    for word in dict.fromkeys((spec.alias, spec.name.value))
    for slash in ("", "/")
}
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


def routes() -> list[Route]:
    """One path per provider and alias, with and without trailing slash."""
    return [Route(path, _receiver(name), methods=["POST"]) for path, name in PATHS.items()]


class Door:
    """In front of everything else: vendors' posts need nothing of what other requests pass through.

    What it does is the whole of it: verify, store, answer empty, count.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = PATHS.get(scope["path"]) if scope["type"] == "http" else None
        if name is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500
        with bind_request() as request_id:
            try:
                status = await _receive(name, Headers(scope=scope), receive, self._state)
            except UNAVAILABLE as error:
                log.error("webhook_not_stored", provider=name.value, reason=str(error))
                status = 503  # both vendors send it again
            except ClientDisconnect:
                return
            headers = [(b"content-length", b"0"), (b"x-request-id", request_id.encode()), *_HEADERS]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        self._state.metrics.count(scope, status, time.perf_counter() - begun)


def _receiver(name: ProviderName) -> Any:
    async def receive(request: Request) -> Response:
        status = await _receive(name, request.headers, request.receive, request.app.state)
        return Response(status_code=status)

    return receive


async def _receive(name: ProviderName, headers: Headers, receive: Receive, state: State) -> int:
    """The status to answer with; 200 once the delivery is committed."""
    body = await _body(receive)
    if body is None:
        return 413
    spec = SPECS[name]
    signature = headers.get(spec.signature_header, "")
    if not hmac_matches(body, signature, registry.webhook_keys(state.runtime.settings, name)):
        log.warning("webhook_refused", provider=name.value, size=len(body))
        return 401
    try:
        events = spec.read_webhook(body)
    except Invalid as error:
        # Signed, so it is the vendor's own; refusing it would only bring it back. It is kept for a person to look at.
        log.error("webhook_unreadable", provider=name.value, reason=error.detail)
        events = ()
    stored = tuple(_as_json(name, event) for event in events)
    await state.ingest.store(Delivery(name.value, base64.b64encode(body).decode(), stored))
    return 200


async def _body(receive: Receive) -> bytes | None:
    """The raw bytes, or None when they are more than any vendor sends."""
    received = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        received += message.get("body", b"")
        if len(received) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(received)


def _as_json(name: ProviderName, event: RemoteEvent) -> dict[str, Any]:
    moment: datetime | None = event.occurred_at
    return {
        "provider": name.value,
        "event_key": event.event_key,
        "company_id": event.company_id,
        "kind": event.kind.value if event.kind else "",
        "external_id": event.external_id,
        "operation": event.operation,
        "label": event.label,
        "occurred_at": moment.isoformat() if moment else None,
    }
