"""QuickBooks Online as an accounting provider: ties the pure parts of this package to HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime
from typing import cast

from app.canonical import Company, Kind, RemoteRecord
from app.errors import Fault, OutcomeUnknown, ProviderUnavailable
from app.providers.base import Match, NotWritten, Outcome, Page, WriteCall, WriteItem
from app.providers.http import ProviderHttp
from app.providers.quickbooks import sources, wire
from app.providers.quickbooks.companies import to_company
from app.providers.quickbooks.lookup import find
from app.providers.quickbooks.preflight import preflight
from app.providers.quickbooks.reading import Reader
from app.providers.quickbooks.spec import CAPABILITIES, NAME
from app.providers.quickbooks.writing import all_unknown, outcomes, prepare


class QuickBooks:
    """One company's books in QuickBooks Online. `company_id` is the realm id, `clock` tells aware UTC."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, http: ProviderHttp, company_id: str, clock: Callable[[], datetime]) -> None:
        self._http = http
        self._company_id = company_id
        self._reader = Reader(http, company_id, clock)

    async def company(self) -> Company:
        """Two calls: the identity stands in CompanyInfo, everything that decides how to write in Preferences."""
        info = (await self._reader.get("companyinfo", self._company_id)).get("CompanyInfo")
        preferences = (await self._reader.get("preferences")).get("Preferences")
        if not isinstance(info, dict) or not isinstance(preferences, dict):
            raise ProviderUnavailable("QuickBooks told nothing about the company.")
        return to_company(self._company_id, cast(wire.CompanyInfo, info), cast(wire.Preferences, preferences))

    def preflight(self, item: WriteItem, company: Company) -> tuple[Fault, ...]:
        """See `AccountingProvider.preflight`."""
        return preflight(item, company)

    def prepare(self, items: Sequence[WriteItem], key: str, company: Company) -> WriteCall:
        """See `writing.prepare`: voids go one by one, and an invoice cannot be deactivated nor a customer voided."""
        return prepare(items, key, company)

    async def write(self, call: WriteCall) -> list[Outcome]:
        """Send `call` once; `requestid` makes a resend of the identical call harmless.

        Raises NeedsReauth or Misconfigured, and then nothing was written.
        """
        try:
            answer = await self._http.write(
                call.method, call.path, query=call.query, headers=call.headers, body=call.body
            )
        except ProviderUnavailable as error:
            fault = Fault(error.public_code, error.detail, who="nobody", fix="Nothing to do.", retries_itself=True)
            return [NotWritten(item_id=item_id, fault=fault) for item_id in call.item_ids]
        except OutcomeUnknown as error:
            return all_unknown(call, error.detail)
        return outcomes(call, answer)

    async def find(self, item: WriteItem) -> Match | None:
        """See `AccountingProvider.find`; a match without id is a vendor or employee who holds the customer's name."""
        return await find(self._reader, item)

    def changes(self, kind: Kind, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
        """See `sources.changes`."""
        return sources.changes(self._reader, kind, cursor, since)

    async def fetch(self, kind: Kind, external_ids: Sequence[str]) -> list[RemoteRecord]:
        """See `sources.by_ids`: one query, and a read for each id that it missed."""
        return await sources.by_ids(self._reader, kind, external_ids)
