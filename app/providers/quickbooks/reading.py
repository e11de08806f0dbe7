"""Reads of one company: queries, the change feed with its limits, and records by id."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

from app.canonical import Gone, Kind, RemoteRecord
from app.errors import ProviderRejected, ProviderUnavailable
from app.providers.base import Page
from app.providers.http import ProviderHttp
from app.providers.jsontext import dumps, loads
from app.providers.quickbooks.faults import classify_item, raise_finding, success_body
from app.providers.quickbooks.lists import to_bank_transaction
from app.providers.quickbooks.records import to_remote
from app.providers.quickbooks.spec import (
    CAPABILITIES,
    FEED_OVERLAP,
    FEED_REACH,
    MINOR_VERSION,
    PAGE_OVERLAP,
    PAGE_ROWS,
)
from app.providers.quickbooks.values import company_path, moment, quoted, stamp, text_of

_ACCEPT: Mapping[str, str] = {"Accept": "application/json"}
_STATEMENT: Mapping[str, str] = {"Accept": "application/json", "Content-Type": "application/text"}
_MISSING = "610"
ANY_STATE = "Active IN (true, false)"
_NAMES = frozenset({"Customer", "Account", "Item", "TaxCode", "TaxRate"})

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Source:
    """One of QuickBooks' lists from which records of a kind come."""

    kind: Kind
    entity: str

    def to_record(self, row: object) -> RemoteRecord:
        """A row as read. Raises ValueError for one without an Id."""
        if self.kind is Kind.bank_transaction and isinstance(row, Mapping) and row.get("Id"):
            return to_bank_transaction(self.entity, row)
        return to_remote(self.kind, row)

    def our_id(self, external_id: str) -> str:
        """The id as we know it: that of a bank transaction names its list too."""
        return f"{self.entity}:{external_id}" if self.kind is Kind.bank_transaction else external_id


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a pull goes on, kept as JSON text.

    `mode`: `dated` pages through everything from a business date on, `updated` through everything changed since a
    moment, `feed` asks the change feed. `floor` is that date or moment, `start` the next row, and `checkpoint` the
    vendor's time at the first page, from which the feed goes on.
    """

    mode: str
    floor: str
    start: int = 1
    checkpoint: str = ""

    def text(self) -> str:
        """The form in which it is stored."""
        return dumps(asdict(self)).decode()

    @staticmethod
    def read(text: str) -> "Cursor":
        """Raises ValueError for text that is not a cursor of ours."""
        stored = loads(text.encode())
        match stored:
            case {"mode": str(mode), "floor": str(floor), "start": int(start), "checkpoint": str(checkpoint)}:
                return Cursor(mode, floor, start, checkpoint)
        raise ValueError("not a QuickBooks cursor")


class Reader:
    """The company's records, page by page; raises what `success_body` raises."""

    def __init__(self, http: ProviderHttp, company_id: str, clock: Callable[[], datetime]) -> None:
        self._http = http
        self._company_id = company_id
        self._clock = clock

    async def get(self, *resource: str, query: Mapping[str, str] | None = None) -> Row:
        """The answer to a GET below the company's address; `resource` in parts."""
        parameters = {"minorversion": MINOR_VERSION, **(query or {})}
        answer = await self._http.read(
            "GET", company_path(self._company_id, *resource), query=parameters, headers=_ACCEPT
        )
        return success_body(answer)

    async def query(self, entity: str, condition: str, order: str = "", start: int = 1) -> tuple[list[Row], datetime]:
        """One page of at most `PAGE_ROWS` rows, and the vendor's time at which it was true.

        The statement goes as the body of a POST, which spares it URL encoding and any limit on the URL's length.
        """
        where = f" WHERE {condition}" if condition else ""
        ordered = f" ORDERBY {order}" if order else ""
        # Intuit's query language, read-only; every value in `condition` went through `quoted`.
        statement = f"SELECT * FROM {entity}{where}{ordered} STARTPOSITION {start} MAXRESULTS {PAGE_ROWS}"  # noqa: S608
        answer = await self._http.read(
            "POST",
            company_path(self._company_id, "query"),
            query={"minorversion": MINOR_VERSION},
            headers=_STATEMENT,
            body=statement.encode(),
        )
        body = success_body(answer)
        found = body.get("QueryResponse")
        if not isinstance(found, Mapping):
            # An empty page is `{}`; no page at all proves nothing and must not pass for "no rows".
            raise ProviderUnavailable("QuickBooks answered a query without its result.")
        return list(_rows(found, entity)), self._time_of(body)

    async def every(self, entity: str) -> list[Row]:
        """All rows of one of the company's lists, the inactive included."""
        found: dict[str, Row] = {}
        start = 1
        while True:
            rows, _ = await self.query(entity, ANY_STATE if entity in _NAMES else "", "Id", start)
            found.update((text_of(row.get("Id")), row) for row in rows)
            if len(rows) < PAGE_ROWS:
                return list(found.values())
            start += PAGE_ROWS - PAGE_OVERLAP

    async def changes(self, source: Source, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
        """See `AccountingProvider.changes`. `since` bounds documents at the first run; names come all."""
        state = Cursor.read(cursor) if cursor else Cursor("dated", since.isoformat() if since else "")
        if state.mode != "feed":
            async for page in self._paged(source, state):
                yield page
            return
        floor = moment(state.floor)
        if floor is None:
            raise ValueError("a feed cursor without a time")
        floor -= FEED_OVERLAP
        if self._clock() - floor > FEED_REACH:
            # Deletions older than the feed's reach are found by reconciling, not here.
            async for page in self._paged(source, Cursor("updated", stamp(floor))):
                yield page
            return
        rows, asked_at = await self._feed(source, floor)
        records = await self._sorted_out(source, rows)
        if len(rows) < PAGE_ROWS:
            yield Page(records=records, cursor=Cursor("feed", stamp(asked_at)).text())
            return
        # The feed has no pages and stops silently here: what it gave is right but may not be all.
        rest = Cursor("updated", stamp(floor), checkpoint=stamp(asked_at))
        yield Page(records=records, cursor=rest.text())
        async for page in self._paged(source, rest):
            yield page

    async def by_ids(self, source: Source, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """These records in the order of the vendor's ids; one that a query and a read both miss is `Gone`."""
        found = await self._existing(source, external_ids)
        records: list[RemoteRecord] = []
        for external_id in external_ids:
            record = found.get(external_id)
            # A query may lag behind a write, so absence is asked for by id before it is believed.
            records.append(record or await self._read_one(source, external_id))
        return records

    async def _paged(self, source: Source, state: Cursor) -> AsyncIterator[Page]:
        while True:
            condition = _condition(source.entity, state)
            rows, asked_at = await self.query(source.entity, condition, _order(state), state.start)
            checkpoint = state.checkpoint or stamp(asked_at)
            records = tuple(source.to_record(row) for row in rows)
            if len(rows) < PAGE_ROWS:
                yield Page(records=records, cursor=Cursor("feed", checkpoint).text())
                return
            state = replace(state, start=state.start + PAGE_ROWS - PAGE_OVERLAP, checkpoint=checkpoint)
            yield Page(records=records, cursor=state.text())

    async def _feed(self, source: Source, floor: datetime) -> tuple[list[Row], datetime]:
        body = await self.get("cdc", query={"entities": source.entity, "changedSince": stamp(floor)})
        listed = body.get("CDCResponse")
        if not isinstance(listed, list):
            raise ProviderUnavailable("QuickBooks answered the change feed without its result.")
        rows: list[Row] = []
        for part in listed:
            for found in part.get("QueryResponse") or [] if isinstance(part, Mapping) else []:
                if found.get("Fault"):
                    raise_finding(classify_item(found["Fault"]))
                rows.extend(_rows(found, source.entity))
        return rows, self._time_of(body)

    async def _sorted_out(self, source: Source, rows: Sequence[Row]) -> tuple[RemoteRecord, ...]:
        """Live rows as they are; rows marked deleted are looked up first, as some were seen that had only changed."""
        deleted = {text_of(row.get("Id")): row for row in rows if row.get("status") == "Deleted"}
        alive = await self._existing(source, list(deleted))
        live = [source.to_record(row) for row in rows if row.get("status") != "Deleted"]
        gone = [_gone(source, external_id, row) for external_id, row in deleted.items() if external_id not in alive]
        return (*live, *alive.values(), *gone)

    async def _existing(self, source: Source, external_ids: Sequence[str]) -> dict[str, RemoteRecord]:
        found: dict[str, RemoteRecord] = {}
        for first in range(0, len(external_ids), CAPABILITIES.fetch_size):
            wanted = external_ids[first : first + CAPABILITIES.fetch_size]
            condition = f"Id IN ({', '.join(quoted(external_id) for external_id in wanted)})"
            rows, _ = await self.query(source.entity, condition + _inactive_too(source.entity))
            found.update((text_of(row.get("Id")), source.to_record(row)) for row in rows)
        return found

    async def _read_one(self, source: Source, external_id: str) -> RemoteRecord:
        try:
            body = await self.get(source.entity.lower(), external_id)
        except ProviderRejected as error:
            if error.fault.vendor_code == _MISSING:
                return Gone(kind=source.kind, external_id=source.our_id(external_id))
            raise
        return source.to_record(body.get(source.entity))

    def _time_of(self, body: Row) -> datetime:
        """The vendor's own clock, so that a checkpoint never depends on ours; ours where it said nothing."""
        return moment(body.get("time")) or self._clock()


def _rows(found: Row, entity: str) -> Iterator[Row]:
    listed = found.get(entity)
    return (row for row in (listed if isinstance(listed, list) else []) if isinstance(row, Mapping))


def _gone(source: Source, external_id: str, row: Row) -> Gone:
    meta = row.get("MetaData")
    updated = moment(meta.get("LastUpdatedTime")) if isinstance(meta, Mapping) else None
    return Gone(kind=source.kind, external_id=source.our_id(external_id), updated_at=updated)


def _inactive_too(entity: str) -> str:
    """Queries leave inactive names out unless asked; transactions have no such field."""
    return f" AND {ANY_STATE}" if entity in _NAMES else ""


def _condition(entity: str, state: Cursor) -> str:
    if state.mode == "updated":
        return f"MetaData.LastUpdatedTime >= {quoted(state.floor)}{_inactive_too(entity)}"
    if entity in _NAMES:
        return ANY_STATE
    return f"TxnDate >= {quoted(state.floor)}" if state.floor else ""


def _order(state: Cursor) -> str:
    """There is no stable order unless one is asked for."""
    return "MetaData.LastUpdatedTime" if state.mode == "updated" else "Id"
