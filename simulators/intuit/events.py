"""Webhook events: gathered for a moment, then sent as CloudEvents or in the legacy format (reference 4)."""

import asyncio
import base64
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.core.money import dumps
from simulators.core.webhooks import WebhookSender
from simulators.intuit.company import Operation
from simulators.intuit.stamps import PACIFIC

RETRY_SCHEDULE = (10, 20, 30, 300, 1200, 7200, 14400, 21600)
SIGNATURE = "intuit-signature"
_LEGACY_OPERATIONS = {
    "created": "Create",
    "updated": "Update",
    "deleted": "Delete",
    "voided": "Void",
    "merged": "Merge",
    "emailed": "Emailed",
}
_ANNOUNCED = frozenset(
    "Account Class CreditMemo Customer Department Deposit Employee Invoice Item JournalEntry Payment PaymentMethod "
    "Preferences Purchase TaxAgency Term Transfer Vendor".split()
)


@dataclass(frozen=True)
class Event:
    """One change as webhooks tell it; `other` is the id that a merge swallowed."""

    realm: str
    entity: str
    key: str
    operation: Operation
    other: str = ""


class EventFeed:
    """Collects changes of all companies and sends them together after the sender's batch window."""

    def __init__(self, clock: Clock, sender: WebhookSender) -> None:
        self._clock = clock
        self._sender = sender
        self._pending: dict[Event, datetime] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._source = "intuit." + base64.b64encode(b"simulated-app").decode().rstrip("=")
        self._held: tuple[bytes, dict[str, str]] | None = None
        self.legacy = False
        self.reordering = False

    def reset(self) -> None:
        """Forget what was not sent; back to CloudEvents, in order."""
        self._stop_timer()
        self._pending.clear()
        self._held = None
        self.legacy = self.reordering = False

    def reorder(self, on: bool) -> None:
        """Every second body overtakes the one before it; off lets a held one go."""
        self.reordering = on
        if not on and self._held is not None:
            self._sender.send(self._held[0], SIGNATURE, self._held[1])
            self._held = None

    def forge(self, event: Event) -> None:
        """Send an event that never happened, under a signature that does not fit."""
        body, extra = self._written({event: self._clock.now()})
        self._sender.send(body, SIGNATURE, extra, forged=True)

    def replay(self) -> bool:
        """Send the latest delivery once more, byte for byte; False when there is none."""
        if not self._sender.deliveries:
            return False
        last = self._sender.deliveries[-1]
        extra = {name: value for name, value in last.headers.items() if name != SIGNATURE}
        self._sender.send(last.body, SIGNATURE, extra)
        return True

    def note(self, realm: str, entity: str, key: str, operation: Operation, other: str = "") -> None:
        """Remember a change; the same change twice within the window is told once."""
        if self._sender.url is None or entity not in _ANNOUNCED:
            return
        self._pending[Event(realm, entity, key, operation, other)] = self._clock.now()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._sender.batch_window, self.flush)

    def flush(self) -> None:
        """Send what is pending now."""
        self._stop_timer()
        if not self._pending:
            return
        events, self._pending = self._pending, {}
        written = self._written(events)
        if self.reordering and self._held is None:
            self._held = written
            return
        self._sender.send(written[0], SIGNATURE, written[1])
        if self._held is not None:
            self._sender.send(self._held[0], SIGNATURE, self._held[1])
            self._held = None

    def _written(self, events: dict[Event, datetime]) -> tuple[bytes, dict[str, str]]:
        """The body of a delivery and its headers besides the signature."""
        body = self._legacy(events) if self.legacy else [self._cloud(e, at) for e, at in events.items()]
        extra = {
            "content-type": "application/json" if self.legacy else "application/cloudevents+json",
            "intuit-created-time": self._clock.now().isoformat(),
            "intuit-t-id": str(uuid.uuid4()),
            "intuit-notification-schema-version": "1.0.0" if self.legacy else "2.0.0",
        }
        return dumps(body), extra

    def _cloud(self, event: Event, at: datetime) -> Json:
        # Nine decimals, as seen: more than most parsers of RFC 3339 expect.
        nanos = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}{secrets.randbelow(1000):03d}Z"
        return {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": self._source,
            "type": f"qbo.{event.entity.lower()}.{event.operation}.v1",
            "datacontenttype": "application/json",
            "time": nanos,
            "intuitentityid": event.key,
            "intuitaccountid": event.realm,
            "data": {"deletedid": event.other} if event.other else {},
        }

    def _legacy(self, events: dict[Event, datetime]) -> Json:
        realms: dict[str, list[Json]] = {}
        for event, at in events.items():
            realms.setdefault(event.realm, []).append(
                {
                    "name": event.entity,
                    "id": event.key,
                    "operation": _LEGACY_OPERATIONS[event.operation],
                    "lastUpdated": f"{at.astimezone(PACIFIC):%Y-%m-%dT%H:%M:%S%z}",
                }
                | ({"deletedId": event.other} if event.other else {})
            )
        notes = [{"realmId": realm, "dataChangeEvent": {"entities": rows}} for realm, rows in realms.items()]
        return {"eventNotifications": notes}

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
