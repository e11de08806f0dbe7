"""Everything the Xero simulator holds, made anew at each reset."""

from dataclasses import dataclass

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.events import EventStream
from simulators.xero.idempotency import Replays
from simulators.xero.identity import Identity
from simulators.xero.limits import Limits
from simulators.xero.seeds import TENANTS, seeded


@dataclass
class World:
    """One state: identity, limits, idempotency, and the books by tenant id.

    `cut_after` n scripts one failure: the next batch write saves n elements and answers 500.
    """

    clock: Clock
    events: EventStream
    identity: Identity
    limits: Limits
    replays: Replays
    books: dict[str, Books]
    cut_after: int | None = None

    def reset_books(self, tenant: str) -> None:
        """One organisation as it was seeded; a few milliseconds. Its webhooks still waiting are not taken back."""
        self.books[tenant] = seeded(next(t for t in TENANTS if t.id == tenant), self.clock)

    def publish(self, books: Books) -> None:
        """Keep the changes of a finished request and tell the webhooks."""

        def details(note_id: str) -> Json:
            note = books.documents.rows[note_id]
            return {"Type": note.type, "Status": note.status}

        self.events.emit(books.tenant.id, books.commit(), details)


def fresh(clock: Clock, events: EventStream) -> World:
    """The seeded state."""
    books = {tenant.id: seeded(tenant, clock) for tenant in TENANTS}
    return World(clock, events, Identity(clock), Limits(clock), Replays(clock), books)
