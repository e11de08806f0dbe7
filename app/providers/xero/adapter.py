"""Xero over HTTP: one organisation's books, already authorised. Only `write` changes anything there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from itertools import count
from urllib.parse import quote

from app.canonical import Company, Gone, Invoice, JournalEntry, Kind, ProviderName, RemoteRecord
from app.errors import Fault, OutcomeUnknown, ProviderUnavailable
from app.providers.base import Capabilities, Match, Outcome, Page, WriteCall, WriteItem
from app.providers.http import Answer, ProviderHttp
from app.providers.xero import companies, journals, lookup, preflight, reading, spec, writing
from app.providers.xero.faults import success_body
from app.providers.xero.reading import LISTS, Bookmark, Cursor, Listing
from app.providers.xero.values import Element, children, identifier

_NONE: Mapping[str, str] = {}


class Xero:
    """See `AccountingProvider`."""

    name: ProviderName = spec.NAME
    capabilities: Capabilities = spec.CAPABILITIES

    def __init__(self, http: ProviderHttp, company_id: str) -> None:
        """`company_id` is the tenant's id, not that of its connection."""
        self._http = http
        self._company_id = company_id

    async def company(self) -> Company:
        """The organisation and the currencies it uses: two calls."""
        organisations = children(await self._get("Organisation", _NONE), "Organisations")
        if not organisations:
            raise ProviderUnavailable("Xero did not describe the organisation.")
        currencies = children(await self._get("Currencies", _NONE), "Currencies")
        return companies.to_company(self._company_id, organisations[0], currencies)

    def preflight(self, item: WriteItem, company: Company) -> tuple[Fault, ...]:
        """Every reason why this organisation would refuse the record, found without a call."""
        return preflight.preflight(item, company)

    def prepare(self, items: Sequence[WriteItem], key: str, company: Company) -> WriteCall:
        """The one request that writes `items`: creates go apart from changes. Raises ValueError for a mixture."""
        return writing.prepare(items, key, company)

    async def write(self, call: WriteCall) -> list[Outcome]:
        """Send it, once. Raises only NeedsReauth and Misconfigured, with which nothing was written."""
        try:
            answer = await self._http.write(
                call.method, call.path, query=call.query, headers=call.headers, body=call.body
            )
        except OutcomeUnknown as error:
            return writing.unknown(call, error.detail)
        except ProviderUnavailable as error:
            fault = Fault("provider_unavailable", error.detail, who="provider", retries_itself=True)
            return writing.not_written(call, fault, error.retry_after)
        return writing.outcomes(call, answer)

    async def find(self, item: WriteItem) -> Match | None:
        """Look a record up by its id, else an invoice by number, a contact by our number of it and then by name.

        Voided and deleted invoices, and archived contacts of the same name, free what they held and do not count,
        unless they carry our reference.
        """
        record = item.record
        if isinstance(record, Invoice):
            if item.external_id:
                found = await self._by_ids(Kind.invoice, [item.external_id])
                return lookup.match_invoice(item, record, found[0]) if found else None
            body = await self._get("Invoices", lookup.invoice_query(record.number))
            return lookup.best_invoice(item, record, children(body, "Invoices"))
        if isinstance(record, JournalEntry):
            return await self._find_journal(item, record)
        if item.external_id:
            found = await self._by_ids(Kind.customer, [item.external_id])
            return lookup.match_customer(item, record, found[0]) if found else None
        found = await self._one(LISTS[Kind.customer][0], record.reference) if record.reference else []
        if not found:
            body = await self._get("Contacts", lookup.name_query(record.name))
            named = children(body, "Contacts")
            found = [contact for contact in named if contact.get("ContactStatus", "ACTIVE") == "ACTIVE"]
        return lookup.match_customer(item, record, found[0]) if found else None

    async def _find_journal(self, item: WriteItem, entry: JournalEntry) -> Match | None:
        if item.external_id:
            found = await self._one(LISTS[Kind.journal_entry][0], item.external_id)
            return journals.match(item, entry, journals.to_journal(found[0])) if found else None
        elements: list[Element] = []
        for page in count(1):
            body = await self._get("ManualJournals", journals.day_query(entry.on, page))
            read = children(body, "ManualJournals")
            elements += read
            if reading.is_last(body, read):
                break
        return journals.best(item, entry, elements)

    async def changes(self, kind: Kind, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
        """Pages of records, oldest change first, short lists as a whole; voids and deletions come as states.

        Payments are two lists: what was paid on invoices, then what was paid beyond them. `since` restricts the first
        load of documents to that business date and later.
        """
        if not LISTS[kind][0].paged:
            yield await self._whole(LISTS[kind][0])
            return
        bookmark = Bookmark.parse(kind, cursor, since)
        for place, listing in enumerate(LISTS[kind]):
            async for elements, position in self._round(listing, bookmark.cursors[place]):
                bookmark = bookmark.moved(place, position)
                yield Page(records=reading.to_records(listing, elements), cursor=bookmark.text(kind))

    async def _whole(self, listing: Listing) -> Page:
        elements = children(await self._get(listing.plural, _NONE), listing.plural)
        return Page(records=reading.to_records(listing, elements), cursor="{}", complete=True)

    async def _round(self, listing: Listing, position: Cursor) -> AsyncIterator[tuple[list[Element], Cursor]]:
        """One list's pages, each with where to go on after it."""
        first_before = ""
        while True:
            query, headers = reading.page_query(listing, position), reading.page_headers(position)
            body = success_body(await self._read(listing.plural, query, headers))
            elements = children(body, listing.plural)
            first = identifier(elements[0], listing.id_key) if elements else ""
            if position.page > 1 and first and first == first_before:
                return  # Xero did not turn the page; the stored cursor asks for it again next time
            position = reading.begun(position, body)
            last = reading.is_last(body, elements)
            position = reading.next_round(position, elements) if last else reading.next_page(position, elements)
            yield elements, position
            if last:
                return
            first_before = first

    async def fetch(self, kind: Kind, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """Read these records in one call; those of some kinds one by one, as Xero takes no list of them.

        What none of the kind's lists has comes back as `Gone`; a bill, or a payment of one, is no record of ours and
        is left out.
        """
        missing = list(dict.fromkeys(external_id.lower() for external_id in external_ids))
        records: list[RemoteRecord] = []
        for listing in LISTS[kind] if missing else ():
            if kind in self.capabilities.read_one_by_one:
                elements = [element for one in missing for element in await self._one(listing, one)]
            else:
                elements = await self._by_ids(kind, missing)
            records += reading.to_records(listing, elements)
            known = {identifier(element, listing.id_key) for element in elements}
            missing = [external_id for external_id in missing if external_id not in known]
        return [*records, *(Gone(kind=kind, external_id=external_id) for external_id in missing)]

    async def _by_ids(self, kind: Kind, external_ids: Sequence[str]) -> list[Element]:
        # Without `page`, invoices would come without what was paid.
        query = {"IDs": ",".join(external_ids), "page": "1", "pageSize": str(spec.PAGE_SIZE)}
        if kind is Kind.customer:
            query["includeArchived"] = "true"
        plural = LISTS[kind][0].plural
        return children(await self._get(plural, query), plural)

    async def _one(self, listing: Listing, key: str) -> list[Element]:
        """One record by id (a contact also by our number of it); empty where Xero has none (a 404)."""
        answer = await self._read(f"{listing.plural}/{quote(key, safe='')}", _NONE, _NONE)
        return [] if answer.status == 404 else children(success_body(answer), listing.plural)

    async def _get(self, path: str, query: Mapping[str, str]) -> Mapping[str, object]:
        return success_body(await self._read(path, query, _NONE))

    async def _read(self, path: str, query: Mapping[str, str], extra: Mapping[str, str]) -> Answer:
        headers = spec.headers(self._company_id, extra)
        return await self._http.read("GET", f"{spec.API}/{path}", query=query, headers=headers)
