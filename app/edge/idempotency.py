"""`Idempotency-Key` on POSTs: the same request sent twice is carried out once, and answered twice alike.

The key belongs to the caller. Its first request claims it before anything runs; the answer is kept, sealed, for a day.
Another body under the same key is refused, and so is a second request while the first runs. Where a process died
between carrying out and keeping the answer, nobody can tell what was stored: that is said, not guessed.
"""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db import idempotency
from app.edge.operating import PREFIX
from app.edge.principals import Authenticator, Principal
from app.edge.problems import from_error
from app.errors import AppError, Conflict, Invalid
from app.runtime import Runtime

MOST_CHARACTERS = 255
REPLAYED = b"idempotency-replayed"
_KEPT_HEADERS = frozenset({b"content-type", b"location", b"link", b"etag"})
# Refused before anything ran, or to be tried again: the key stays free.
_NOT_KEPT = frozenset({401, 403, 413, 429, 500, 502, 503, 504})
# Here it is not certain that nothing was stored; the claim stays and says so.
_UNCERTAIN = b'"code":"database_unavailable"'
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Answer:
    """What the application answers. JSON is held back until it is kept; files go by and are not kept."""

    send: Send
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    held: list[Message] = field(default_factory=list)
    is_json: bool = True

    async def take(self, message: Message) -> None:
        """Note one message, and hold it back or let it pass."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [pair for pair in message.get("headers", ()) if pair[0].lower() in _KEPT_HEADERS]
            kind = dict(self.headers).get(b"content-type", b"application/json")
            self.is_json = b"json" in kind
        elif message["type"] == "http.response.body" and self.is_json:
            self.body += message.get("body", b"")
        if self.is_json:
            self.held.append(message)
        else:
            await self.send(message)

    async def release(self) -> None:
        """Send what was held back."""
        for message in self.held:
            await self.send(message)

    def packed(self) -> bytes:
        """As it is sealed."""
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers]
        return json.dumps({"headers": headers, "body": b64encode(bytes(self.body)).decode()}).encode()


class Idempotency:
    """Wraps the application; requests without the header pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = headers.get("idempotency-key")
        if key is None:
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(PREFIX):
            refused = Invalid("The operator's routes take no Idempotency-Key.", code="idempotency_key_invalid")
            await from_error(refused)(scope, receive, send)
            return
        bearer = headers.get("authorization", "")
        if not bearer.lower().startswith("bearer "):
            await self._app(scope, receive, send)  # it will be refused for that
            return
        state = scope["app"].state
        try:
            body = await _whole(receive)
            authenticator: Authenticator = state.authenticator
            principal = await authenticator.principal(bearer.split(None, 1)[1])
            await self._once(scope, (body, receive), send, key, principal, state.runtime)
        except AppError as error:
            await from_error(error)(scope, receive, send)

    async def _once(
        self, scope: Scope, came: tuple[bytes, Receive], send: Send, key: str, principal: Principal, runtime: Runtime
    ) -> None:
        body, receive = came
        fingerprint = _fingerprint(scope, body)
        _refuse_odd(key)
        async with runtime.db.firm(principal.firm_id) as session:
            claimed = await idempotency.claim(session, principal.firm_id, principal.subject, key, fingerprint)
            row = None
            if claimed is None:
                row = await idempotency.known(session, principal.firm_id, principal.subject, key)
        if claimed is None:
            await _replay(row, fingerprint, runtime, send)
            return
        answer = _Answer(send)
        await self._app(scope, _again(body, receive), answer.take)
        await _keep(runtime, principal, claimed, answer)
        await answer.release()


async def _keep(runtime: Runtime, principal: Principal, claimed: int, answer: _Answer) -> None:
    """Store the answer, or free the key. A failure here leaves the claim: the next try learns that nobody knows."""
    if _UNCERTAIN in bytes(answer.body):
        return
    async with runtime.db.firm(principal.firm_id) as session:
        if answer.status in _NOT_KEPT or not answer.is_json:
            await idempotency.release(session, principal.firm_id, claimed)
        else:
            sealed = runtime.keys.seal(answer.packed(), context=_context(claimed))
            await idempotency.keep(session, principal.firm_id, claimed, answer.status, sealed)


async def _replay(row: Any, fingerprint: str, runtime: Runtime, send: Send) -> None:
    if row is None or (row.fingerprint == fingerprint and row.status is None and row.running):
        raise Conflict(
            "A request with this Idempotency-Key is being carried out.",
            code="idempotency_running",
            fix="Wait a moment, then send it again with the same key.",
            retries_itself=False,
        )
    if row.fingerprint != fingerprint:
        raise Invalid(
            "This Idempotency-Key was used for another request.",
            code="idempotency_key_reused",
            fix="Use a new key for a new request.",
        )
    if row.status is None:
        raise Conflict(
            "The first request with this Idempotency-Key was interrupted: it is not known whether it was stored.",
            code="idempotency_outcome_unknown",
            fix="Look whether it was stored; if not, send it with a new key.",
        )
    try:
        kept = json.loads(runtime.keys.open(row.sealed_answer, context=_context(row.id)))
    except ValueError as error:
        _log.warning("kept_answer_unreadable", reason=type(error).__name__)
        raise Conflict(
            "This request was carried out; its answer can no longer be read.",
            code="idempotency_answer_lost",
            fix="Read what was stored.",
        ) from error
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept["headers"]]
    await _send(send, row.status, [*headers, (REPLAYED, b"true")], b64decode(kept["body"]))


async def _send(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _refuse_odd(key: str) -> None:
    if not key or len(key) > MOST_CHARACTERS or not key.isprintable():
        raise Invalid(
            f"An Idempotency-Key has 1 to {MOST_CHARACTERS} printable characters.", code="idempotency_key_invalid"
        )


def _fingerprint(scope: Scope, body: bytes) -> str:
    head = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


def _context(claimed: int) -> str:
    return f"idempotency_keys:{claimed}:answer"


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """The body once more, then silence until the caller has gone: a download listens for that."""
    messages: list[Mapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        return dict(messages.pop()) if messages else await receive()

    return once_more
