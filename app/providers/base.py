"""What the sync engine asks of a provider, and the values that cross that border."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from app.canonical import Address, Company, Kind, Operation, OwnRecord, ProviderName, RemoteRecord
from app.errors import Fault


class TokenSource(Protocol):
    """Hands out a live access token; `rejected` names one that the provider has just refused."""

    async def access_token(self, *, rejected: str | None = None) -> str:
        """Raises NeedsReauth, Misconfigured or ProviderUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteItem:
    """One record to write. `item_id` (≤ 10 characters) finds its outcome in the answer.

    `external_id` and `version` are set for update, void and deactivate.
    """

    item_id: str
    kind: Kind
    operation: Operation
    record: OwnRecord
    external_id: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCall:
    """One HTTP request that writes, exactly as it is (re)sent: storing it is what makes a replay identical.

    `key` (≤ 36 characters) is the vendor's idempotency key; `item_ids` are in the order of the body.
    """

    key: str
    kind: Kind
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    item_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The provider holds the record now. `total` is what it computed for a document, None for others.

    `answer` of this and the other outcomes is what the provider said of the record, for people to read.
    """

    item_id: str
    external_id: str
    version: str
    label: str
    total: Decimal | None = None
    metadata: Mapping[str, str] | None = None
    answer: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider said no for good. `holder_id` is its id of the record that stands in the way, if it named one."""

    item_id: str
    fault: Fault
    holder_id: str = ""
    stale: bool = False
    answer: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWritten:
    """Certainly not done; may be tried again under a new key after `retry_after`."""

    item_id: str
    fault: Fault
    retry_after: timedelta | None = None
    answer: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It may or may not have been done: settle it before anything else is written for this record."""

    item_id: str
    reason: str
    answer: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


Outcome = Written | Refused | NotWritten | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some changed records, and the cursor to store in the same transaction. `cursor` is the adapter's own text.

    `complete`: these are all records of the kind that exist there; whatever else was known is gone.
    """

    records: tuple[RemoteRecord, ...]
    cursor: str
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A record found at the provider for one of ours; `equal`: customer, total and marker agree, it may be adopted."""

    external_id: str
    version: str
    label: str
    equal: bool
    total: Decimal | None = None
    difference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The vendor's call limits per company, before our safety margin.

    `app_per_minute` counts over all companies that the application is connected to. `minute_header` and `day_header`
    name the answer headers that tell what is left, where the vendor sends them.
    """

    per_minute: int
    per_second: int | None
    concurrent: int
    per_day: int | None
    batch_per_minute: int | None
    app_per_minute: int | None = None
    minute_header: str = ""
    day_header: str = ""


FETCHED_ONE_BY_ONE = 10  # one that is in none of several lists takes a call for each of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider permits, as data.

    `replay_window`: how long an identical resend under the same key surely returns the first answer.
    `settle_after`: how long after sending a record that cannot be found is proven absent (the vendor's own time-out).
    `max_body`: how many bytes one write may have.
    `customer_fields`: what a customer there holds of ours (an address by its parts, `billing_address.city`);
    `clears_fields`: an update empties what is empty here. `guards_updates`: the vendor refuses an update of something
    that was changed since we read it; where it does not, we look before we write.
    `fetch_size`: how many ids one call reads; those of kinds in `read_one_by_one` take a call each.
    `payment_sources`: the kinds that must be read to know what was paid (where credits show on the invoice only).
    """

    batch_sizes: Mapping[Kind, int]
    replay_window: timedelta
    settle_after: timedelta
    fetch_size: int
    updatable: frozenset[Kind]
    voidable: frozenset[Kind]
    limits: Limits
    max_body: int | None = None
    payment_sources: tuple[Kind, ...] = (Kind.payment,)
    customer_fields: tuple[str, ...] = ()
    clears_fields: bool = False
    guards_updates: bool = True
    read_one_by_one: frozenset[Kind] = frozenset()

    def fetch_size_of(self, kind: Kind) -> int:
        """How many records of a kind to ask for at a time: a look must end within the calls of a minute."""
        return min(self.fetch_size, FETCHED_ONE_BY_ONE) if kind in self.read_one_by_one else self.fetch_size


ADDRESS_FIELDS = tuple(f"billing_address.{part.name}" for part in fields(Address))


class AccountingProvider(Protocol):
    """One company's books, already authorised. Only `write` changes anything there.

    Reads raise NeedsReauth, Misconfigured, RateLimited, ProviderUnavailable or ProviderRejected.
    """

    name: ProviderName
    capabilities: Capabilities

    async def company(self) -> Company:
        """Who this is and whether we may write to it: identity, currency, lock date, readiness checks."""
        ...

    def preflight(self, item: WriteItem, company: Company) -> tuple[Fault, ...]:
        """Every reason why this company would refuse the record, found without a call. Pure."""
        ...

    def prepare(self, items: Sequence[WriteItem], key: str, company: Company) -> WriteCall:
        """The one request that writes `items` (same kind; at most the kind's batch size). Pure."""
        ...

    async def write(self, call: WriteCall) -> list[Outcome]:
        """Send it, once. One outcome per item, in the order of `item_ids`; never raises for what the vendor answers."""
        ...

    async def find(self, item: WriteItem) -> Match | None:
        """Look the record up by what identifies it there (number, name, marker); None: certainly not there."""
        ...

    def changes(self, kind: Kind, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
        """Pages of what changed after `cursor` (None: all from business date `since` on), deletions included."""
        ...

    async def fetch(self, kind: Kind, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """Read these records (≤ `fetch_size_of` the kind); ids that do not exist come back as `Gone`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEvent:
    """One line of a webhook: go and look at this record. `event_key` is unique for redeliveries of the same event."""

    event_key: str
    company_id: str
    kind: Kind | None
    external_id: str
    operation: str
    occurred_at: datetime | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a fresh token set is about: the provider's user, the consent it came from, and the companies it opened."""

    provider_user: str
    consent_id: str
    companies: tuple["CompanyChoice", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyChoice:
    """A company that the consent opened. `link_id` is the provider's own id of the connection (Xero)."""

    external_id: str
    name: str
    link_id: str = ""
