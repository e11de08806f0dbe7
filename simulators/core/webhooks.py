"""Signed webhook delivery in the background, in order, with retries and switches to misbehave."""

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from simulators.core.clock import Clock

NO_ANSWER = 0
DROPPED = -1


@dataclass
class Delivery:
    """One POST owed to the target. `status` is the last HTTP status, 0 for none, -1 when dropped on purpose."""

    at: datetime
    body: bytes
    headers: dict[str, str]
    status: int = NO_ANSWER
    attempts: int = 0
    done: bool = False


@dataclass
class Answer:
    """What the target said to a single POST."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def sign(body: bytes, key: str) -> str:
    """Base64 of HMAC-SHA256 over the raw body: the scheme of both vendors."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def corrupted(signature: str) -> str:
    """The signature with its first character changed."""
    return ("B" if signature[0] != "B" else "C") + signature[1:]


class WebhookSender:
    """Queues bodies for one target and delivers them one after another.

    A delivery that is not answered 2xx is tried again after each span of `retry_schedule` (seconds times
    `factor`; the last span repeats) and holds back the later ones, as at both vendors. Gathering events into
    one body within `batch_window` seconds is the provider's own job. `transport` lets tests receive in process.
    """

    def __init__(self, clock: Clock, retry_schedule: Sequence[float]) -> None:
        self._clock = clock
        self._schedule = tuple(retry_schedule)
        self._queue: deque[Delivery] = deque()
        self._task: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()
        self.transport: httpx.AsyncBaseTransport | None = None
        self.batch_window = 0.2
        self.reset()

    def reset(self) -> None:
        """Forget the target, the switches, the queue and the history."""
        self.url: str | None = None
        self.key = ""
        self.drop = False
        self.duplicate = False
        self.corrupt = False
        self.delay = 0.0
        self.factor = 1.0
        self.timeout = 5.0
        self.deliveries: list[Delivery] = []
        self._queue.clear()
        self._nudge.set()

    def target(self, url: str | None, key: str) -> None:
        """Where to POST and the signing key; url None stops delivery."""
        self.url, self.key = url, key

    def send(self, body: bytes, header: str, extra: Mapping[str, str] | None = None, *, forged: bool = False) -> None:
        """Queue one body, to be signed under `header`, wrongly when `forged`. Without a target nothing happens.

        Needs a running loop.
        """
        if self.url is None:
            return
        signature = sign(body, self.key)
        headers = {
            "content-type": "application/json",
            **(extra or {}),
            header: corrupted(signature) if self.corrupt or forged else signature,
        }
        for _ in range(2 if self.duplicate else 1):
            delivery = Delivery(self._clock.now(), body, headers)
            self.deliveries.append(delivery)
            if self.drop:
                delivery.status, delivery.done = DROPPED, True
            else:
                self._queue.append(delivery)
        if self._queue and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def post_once(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST, no retry, no queue. Status 0 when the target could not be reached in time."""
        if self.url is None:
            return Answer(NO_ANSWER)
        async with httpx.AsyncClient(transport=self.transport, timeout=self.timeout) as client:
            try:
                reply = await client.post(self.url, content=body, headers=dict(headers))
            except httpx.HTTPError:
                return Answer(NO_ANSWER)
        return Answer(reply.status_code, reply.content, dict(reply.headers))

    async def settled(self, timeout: float = 5.0) -> bool:
        """Wait until nothing is queued; False when `timeout` seconds passed first."""
        task = self._task
        if task is None:
            return True
        done, _ = await asyncio.wait({task}, timeout=timeout)
        return bool(done)

    def retry_now(self) -> None:
        """Cut the present wait between two attempts short."""
        self._nudge.set()

    async def aclose(self) -> None:
        """Stop the background task; what was queued is lost."""
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _drain(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        while self._queue:
            delivery = self._queue[0]
            answer = await self.post_once(delivery.body, delivery.headers)
            delivery.attempts += 1
            delivery.status = answer.status
            if 200 <= answer.status < 300:
                delivery.done = True
            else:
                await self._pause(delivery.attempts)
            if self._queue and self._queue[0] is delivery and delivery.done:
                self._queue.popleft()

    async def _pause(self, attempts: int) -> None:
        span = self._schedule[min(attempts, len(self._schedule)) - 1] * self.factor
        self._nudge.clear()
        try:
            await asyncio.wait_for(self._nudge.wait(), timeout=span)
        except TimeoutError:
            return
