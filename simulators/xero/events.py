"""Webhook events: gathered for a moment, numbered in sequence, written with Xero's uneven spacing.

An event is sent for organisations with a live connection only, and never says more than what changed.
"""

import asyncio
import json
import secrets
import string
from collections.abc import Callable, Iterable

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.core.webhooks import WebhookSender, sign

HEADER = "x-xero-signature"
CONTENT_TYPE = {"content-type": "application/json; charset=utf-8"}
_RESOURCES = {
    "INVOICE": "Invoices", "CONTACT": "Contacts", "CREDITNOTE": "CreditNotes", "OVERPAYMENT": "Overpayments",
    "PREPAYMENT": "Prepayments",
}  # fmt: skip
CATEGORIES = frozenset(_RESOURCES)
DEFAULT_CATEGORIES = frozenset({"INVOICE", "CONTACT"})
BATCH = 100


class EventStream:
    """Collects changes and hands one body per batch window to the sender."""

    def __init__(self, clock: Clock, sender: WebhookSender, connected: Callable[[str], bool]) -> None:
        self._clock = clock
        self._sender = sender
        self._connected = connected
        self._timer: asyncio.TimerHandle | None = None
        self._pending: dict[tuple[str, str, str, str], Json] = {}
        self._sequence = 0
        self._held: bytes | None = None
        self.reorder = False
        self.categories = DEFAULT_CATEGORIES

    def reset(self) -> None:
        """Drop what waits and start numbering again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pending.clear()
        self._sequence = 0
        self._held = None
        self.reorder = False
        self.categories = DEFAULT_CATEGORIES

    def emit(self, tenant: str, changes: Iterable[tuple[str, str, str]], details: Callable[[str], Json]) -> None:
        """Take (category, CREATE|UPDATE, id) changes; the same one twice within the window is sent once.

        `details(id)` gives the `data` of a credit note. Needs a running loop.
        """
        if self._sender.url is None or not self._connected(tenant):
            return
        for category, kind, resource in changes:
            if category not in self.categories:
                continue
            event = self._event(tenant, category, kind, resource)
            if category == "CREDITNOTE":
                event["data"] = details(resource)
            self._pending[tenant, category, kind, resource] = event
        if self._pending and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._sender.batch_window, self.flush)

    def flush(self) -> None:
        """Send what waits now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting = list(self._pending.values())
        self._pending.clear()
        for start in range(0, len(waiting), BATCH):
            events = waiting[start : start + BATCH]
            first = self._sequence + 1
            self._sequence += len(events)
            self._pass_on(body_of(events, first, self._sequence))

    def forge(self, tenant: str, category: str, kind: str, resource: str) -> None:
        """Send an event that never happened, under a signature that does not fit. Needs a running loop."""
        at = self._sequence + 1
        body = body_of([self._event(tenant, category, kind, resource)], at, at)
        self._sender.send(body, HEADER, CONTENT_TYPE, forged=True)

    def replay(self) -> bool:
        """Send the latest delivery once more, byte for byte; False when there is none. Needs a running loop."""
        if not self._sender.deliveries:
            return False
        self._sender.send(self._sender.deliveries[-1].body, HEADER, CONTENT_TYPE)
        return True

    def _event(self, tenant: str, category: str, kind: str, resource: str) -> Json:
        moment = self._clock.now()
        return {
            # The vendor's own host, as in the real bodies: a receiver reads resourceId and uses its base URL.
            "resourceUrl": f"https://api.xero.com/api.xro/2.0/{_RESOURCES[category]}/{resource}",
            "resourceId": resource,
            "eventDateUtc": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}",
            "eventType": kind,
            "eventCategory": category,
            "tenantId": tenant,
            "tenantType": "ORGANISATION",
        }

    def set_reorder(self, on: bool) -> None:
        """Let every second body overtake the one before it; switched off, what is held back goes out."""
        self.reorder = on
        if not on and self._held is not None:
            held, self._held = self._held, None
            self._sender.send(held, HEADER, CONTENT_TYPE)

    def _pass_on(self, body: bytes) -> None:
        if self.reorder and self._held is None:
            self._held = body
            return
        self._sender.send(body, HEADER, CONTENT_TYPE)
        if self._held is not None:
            held, self._held = self._held, None
            self._sender.send(held, HEADER, CONTENT_TYPE)

    async def intent_to_receive(self) -> Json:
        """The handshake: four empty bodies, every second one with a character of its signature changed to "/".

        Right ones must be answered 2xx and wrong ones 401, with neither body nor cookies.
        """
        answers: list[Json] = []
        ok = True
        for at in range(4):
            body = body_of([], 0, 0)
            right = sign(body, self._sender.key)
            forged = at % 2 == 1
            signature = _forged(right) if forged else right
            reply = await self._sender.post_once(body, {**CONTENT_TYPE, HEADER: signature})
            fine = reply.status == 401 if forged else 200 <= reply.status < 300
            fine = fine and not reply.body and "set-cookie" not in reply.headers
            answers.append({"forged": forged, "status": reply.status, "body_bytes": len(reply.body), "ok": fine})
            ok = ok and fine
        return {"ok": ok, "answers": answers}


def body_of(events: list[Json], first: int, last: int) -> bytes:
    """The body with the spacing of the real thing, so that nobody can hash a re-serialised one."""
    entropy = "".join(secrets.choice(string.ascii_uppercase) for _ in range(20))
    text = (
        f'{{"events":{json.dumps(events)},"firstEventSequence": {first},'
        f'"lastEventSequence": {last}, "entropy": "{entropy}"}}'
    )
    return text.encode()


def _forged(signature: str) -> str:
    at = next(index for index, character in enumerate(signature) if character != "/")
    return f"{signature[:at]}/{signature[at + 1 :]}"
