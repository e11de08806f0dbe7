"""Where QuickBooks and Xero post: verify the raw bytes, store, answer empty. Plain Starlette: vendors count seconds.

Webhooks are a hint to go and look, so a replayed or invented event can at worst cost one read.
"""

import base64
from datetime import datetime
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.canonical import ProviderName
from app.crypto import hmac_matches
from app.db.inbox import Delivery
from app.errors import Invalid
from app.providers import registry
from app.providers.base import RemoteEvent
from app.providers.registry import SPECS

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024


def routes() -> list[Route]:
    """One path per provider and alias, with and without trailing slash."""
    return [
        Route(f"/api/webhooks/{word}{slash}", _receiver(spec.name), methods=["POST"])
        for spec in SPECS.values()
        for word in dict.fromkeys((spec.alias, spec.name.value))
        for slash in ("", "/")
    ]


def _receiver(name: ProviderName) -> Any:
    async def receive(request: Request) -> Response:
        return await _receive(name, request)

    return receive


async def _receive(name: ProviderName, request: Request) -> Response:
    runtime = request.app.state.runtime
    body = await _body(request)
    if body is None:
        return Response(status_code=413)
    spec = SPECS[name]
    signature = request.headers.get(spec.signature_header, "")
    if not hmac_matches(body, signature, registry.webhook_keys(runtime.settings, name)):
        log.warning("webhook_refused", provider=name.value, size=len(body))
        return Response(status_code=401)
    try:
        events = spec.read_webhook(body)
    except Invalid as error:
        # Signed, so it is the vendor's own; refusing it would only bring it back. It is kept for a person to look at.
        log.error("webhook_unreadable", provider=name.value, reason=error.detail)
        events = ()
    stored = tuple(_as_json(name, event) for event in events)
    await request.app.state.ingest.store(Delivery(name.value, base64.b64encode(body).decode(), stored))
    return Response(status_code=200)


async def _body(request: Request) -> bytes | None:
    """The raw bytes, or None when they are more than any vendor sends."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY:
            return None
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
