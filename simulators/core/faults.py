"""Faults, scripted or random: make matching calls fail the way networks and vendors fail."""

import asyncio
import random
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

INPROCESS = "tieout.sim.inprocess"

FaultKind = Literal["status", "status_after", "preset", "lost_answer", "hang_before", "reset", "slow", "malformed"]


@dataclass(frozen=True)
class CannedAnswer:
    """An answer in the vendor's own words: what a preset gives."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


Presets = Mapping[str, Callable[[], CannedAnswer]]


@dataclass
class Fault:
    """One fault: `times` matching calls after the first `skip` are hit.

    `path` is a regular expression searched in the path after the provider prefix; `delay` is in real
    seconds. `status` answers before the handler runs; `preset` does too, with the vendor's answer of that name;
    `hang_before` holds, then answers 503 without running the handler; `reset` breaks the connection without
    running it; `lost_answer` runs the handler (it commits) and the caller never gets the answer; `status_after`
    runs it too and answers `status` all the same; `slow` holds, then runs; `malformed` runs and cuts the body in half.

    With a `rate` (above 0, at most 1) a matching call is hit with that probability, from a generator started with
    `seed`: the same seed and the same calls give the same failures. `times` None means once, or without end for a
    random fault.
    """

    provider: str
    path: str
    kind: FaultKind
    method: str | None = None
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    delay: float = 30.0
    times: int | None = None
    skip: int = 0
    preset: str = ""
    rate: float | None = None
    seed: int = 0


class Faults:
    """The list of armed faults, oldest first, and the vendors' canned answers by provider and name."""

    def __init__(self) -> None:
        self._armed: dict[str, Fault] = {}
        self._dice: dict[str, random.Random] = {}
        self._presets: dict[str, Presets] = {}

    def offer(self, provider: str, presets: Presets) -> None:
        """A provider names the canned answers that `preset` faults may give."""
        self._presets[provider] = presets

    def presets(self, provider: str) -> Presets:
        """The canned answers of a provider."""
        return self._presets.get(provider, {})

    def add(self, fault: Fault) -> str:
        """Arm a fault; returns its id. Raises re.error or ValueError when it could never be carried out."""
        re.compile(fault.path)
        if fault.kind == "preset" and fault.preset not in self.presets(fault.provider):
            known = ", ".join(sorted(self.presets(fault.provider)))
            raise ValueError(f"no preset {fault.preset!r} of {fault.provider}; known: {known or 'none'}")
        if fault.rate is not None and not 0 < fault.rate <= 1:
            raise ValueError("rate must be above 0 and at most 1")
        if fault.times is None and fault.rate is None:
            fault.times = 1
        key = secrets.token_hex(4)
        self._armed[key] = fault
        self._dice[key] = random.Random(fault.seed)
        return key

    def clear(self) -> None:
        """Disarm everything."""
        self._armed.clear()
        self._dice.clear()

    def armed(self) -> dict[str, Fault]:
        """What is still armed, by id."""
        return dict(self._armed)

    def take(self, provider: str, method: str, path: str) -> Fault | None:
        """The fault that hits this call, if any; counts `skip` and `times` down.

        The oldest that matches wins: a `rate` is that of the calls which the faults armed before it let through.
        """
        for key, fault in self._armed.items():
            if fault.provider != provider or (fault.method and fault.method.upper() != method.upper()):
                continue
            if not re.search(fault.path, path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.rate is not None and self._dice[key].random() >= fault.rate:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    del self._armed[key], self._dice[key]
            return fault
        return None


def route_path(scope: Scope) -> str:
    """The path below the mount point, always with a leading slash."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return (path[len(root) :] if root and path.startswith(root) else path) or "/"


def in_process(app: ASGIApp) -> ASGIApp:
    """Mark calls as in-process (httpx.ASGITransport): a lost answer raises httpx.ReadTimeout without waiting."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, INPROCESS: True}, receive, send)

    return marked


class FaultMiddleware:
    """Pure ASGI middleware that applies the armed faults of one provider."""

    def __init__(self, app: ASGIApp, provider: str, faults: Faults) -> None:
        self._app = app
        self._provider = provider
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app, through a fault if one is armed for this call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fault = self._faults.take(self._provider, scope["method"], route_path(scope))
        if fault is None:
            await self._app(scope, receive, send)
        elif fault.kind == "status":
            await _answer(send, fault.status, fault.headers, fault.body.encode())
        elif fault.kind == "preset":
            canned = self._faults.presets(self._provider)[fault.preset]()
            await _answer(send, canned.status, canned.headers, canned.body.encode())
        elif fault.kind == "reset":
            if scope.get(INPROCESS):
                raise httpx.ReadError("simulated: the connection was reset")
            await _break_off(send, {"type": "http.response.start", "status": 200})
        elif fault.kind == "hang_before":
            await _hold(scope, fault.delay)
            await _answer(send, 503, {}, b"")
        elif fault.kind == "slow":
            await asyncio.sleep(fault.delay)
            await self._app(scope, receive, send)
        elif fault.kind == "status_after":
            await self._collect(scope, receive)
            await _answer(send, fault.status, fault.headers, fault.body.encode())
        elif fault.kind == "lost_answer":
            await self._lose(scope, receive, send, fault)
        else:
            await self._cut(scope, receive, send)

    async def _lose(self, scope: Scope, receive: Receive, send: Send, fault: Fault) -> None:
        start, _ = await self._collect(scope, receive)
        await _hold(scope, fault.delay)
        await _break_off(send, start)

    async def _cut(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await self._collect(scope, receive)
        half = body[: len(body) // 2]
        kept = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
        await send({**start, "headers": [*kept, (b"content-length", str(len(half)).encode())]})
        await send({"type": "http.response.body", "body": half})

    async def _collect(self, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
        start: list[Message] = []
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, keep)
        return start[0], b"".join(parts)


async def _hold(scope: Scope, delay: float) -> None:
    if scope.get(INPROCESS):
        raise httpx.ReadTimeout("simulated: the answer never came")
    await asyncio.sleep(delay)


async def _break_off(send: Send, start: Message) -> None:
    """A start without its promised body makes the server close the connection: the caller has no answer."""
    await send({**start, "headers": [(b"content-length", b"1048576")]})


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
