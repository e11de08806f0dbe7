"""Xero's webhook subscription: after a day of failures it is disabled, and what happened meanwhile is replayed."""

import asyncio
from datetime import timedelta

from simulators.core.webhooks import WebhookSender

KEPT = timedelta(days=31)


class XeroSender(WebhookSender):
    """The sender with a subscription that can be disabled.

    When the last retry of a delivery failed, nothing is sent any more, and deliveries queue up. `enable` sends
    those of the last 31 days in order.
    """

    disabled = False

    def reset(self) -> None:
        """Also enabled again."""
        super().reset()
        self.disabled = False

    @property
    def waiting(self) -> int:
        """How many deliveries are still owed."""
        return len(self._queue)

    def enable(self) -> None:
        """A person turns the subscription on again. Needs a running loop."""
        oldest = self._clock.now() - KEPT
        while self._queue and self._queue[0].at < oldest:
            self._queue.popleft()
        for delivery in self._queue:
            delivery.attempts = 0
        self.disabled = False
        if self._queue and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        while self._queue and not self.disabled:
            delivery = self._queue[0]
            answer = await self.post_once(delivery.body, delivery.headers)
            delivery.attempts += 1
            delivery.status = answer.status
            if 200 <= answer.status < 300:
                delivery.done = True
            elif delivery.attempts > len(self._schedule):
                self.disabled = True
            else:
                await self._pause(delivery.attempts)
            if self._queue and self._queue[0] is delivery and delivery.done:
                self._queue.popleft()
