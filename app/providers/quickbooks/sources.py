"""What to read for each kind: one list, all of a short list at once, or three lists under one kind."""

from collections.abc import AsyncIterator, Sequence
from datetime import date

from app.canonical import Kind, RemoteRecord
from app.providers.base import Page
from app.providers.jsontext import dumps, loads
from app.providers.quickbooks.lists import rate_of, to_tax_code
from app.providers.quickbooks.reading import Reader, Source
from app.providers.quickbooks.records import BANK_ENTITIES, ENTITIES

BANK = tuple(Source(Kind.bank_transaction, entity) for entity in BANK_ENTITIES)


def source_of(kind: Kind) -> Source:
    """The list of a kind that has one of its own."""
    return Source(kind, ENTITIES[kind])


async def changes(reader: Reader, kind: Kind, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
    """See `AccountingProvider.changes`."""
    if kind is Kind.tax_rate:
        yield await _tax_codes(reader)
        return
    if kind is Kind.bank_transaction:
        async for page in _bank(reader, cursor, since):
            yield page
        return
    async for page in reader.changes(source_of(kind), cursor, since):
        yield page


async def by_ids(reader: Reader, kind: Kind, external_ids: Sequence[str]) -> list[RemoteRecord]:
    """See `AccountingProvider.fetch`: one query per list, and a read for each id that it missed."""
    if kind is not Kind.bank_transaction:
        return await reader.by_ids(source_of(kind), external_ids)
    found: list[RemoteRecord] = []
    for source in BANK:
        prefix = source.our_id("")
        wanted = [one.removeprefix(prefix) for one in external_ids if one.startswith(prefix)]
        found += await reader.by_ids(source, wanted) if wanted else []
    return found


async def _tax_codes(reader: Reader) -> Page:
    """All tax codes with their rates: the change feed does not know them, and there are few."""
    rates = dict(rate_of(row) for row in await reader.every("TaxRate"))
    codes = tuple(to_tax_code(row, rates) for row in await reader.every("TaxCode"))
    return Page(records=codes, cursor="{}", complete=True)


async def _bank(reader: Reader, cursor: str | None, since: date | None) -> AsyncIterator[Page]:
    """The three lists one after the other; the cursor holds one for each."""
    stored = loads(cursor.encode()) if cursor else {}
    if not isinstance(stored, dict):
        raise ValueError("not a QuickBooks cursor")
    cursors: dict[str, str] = {key: value for key, value in stored.items() if isinstance(value, str)}
    for source in BANK:
        async for page in reader.changes(source, cursors.get(source.entity), since):
            cursors[source.entity] = page.cursor
            yield Page(records=page.records, cursor=dumps(cursors).decode())
