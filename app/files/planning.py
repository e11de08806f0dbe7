"""What an export needs to know of the books before it begins: accounts and taxes by their names there, the region."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.canonical import Kind, ProviderName
from app.db import connections, file_codes, remote_records
from app.db.code_mappings import CodeKind
from app.db.session import Session
from app.errors import Invalid
from app.files.formats.targets import REGIONS, Region, Target

_COUNTRIES = {"usa": "us", "uk": "gb"}
_DEFAULT = {ProviderName.quickbooks: "us", ProviderName.xero: "global"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whom a file is for. `currency` is the company's own, empty where no connection tells."""

    provider: ProviderName
    region: Region
    connection_id: int | None = None
    currency: str = ""


async def place_of(
    session: Session, firm_id: int, provider: ProviderName, connection_id: int | None, region: str | None
) -> Place:
    """The connection named, else the firm's live one, tells region and currency. Raises NotFound and Invalid."""
    if connection_id is None:
        connection: Any = await connections.live(session, firm_id, provider)
    else:
        connection = await connections.get(session, firm_id, connection_id)
        if connection.provider != provider:
            raise Invalid(f"The connection {connection_id} is one to {connection.provider}.", code="provider_differs")
    company: Mapping[str, Any] = connection.company if connection is not None else {}
    country = str(company.get("country") or "").casefold()
    word = region or _COUNTRIES.get(country, country)
    return Place(
        provider=provider,
        region=REGIONS.get(word) or REGIONS[_DEFAULT[provider]],
        connection_id=connection.id if connection is not None else None,
        currency=str(company.get("currency") or ""),
    )


def paths(chart: Iterable[Any]) -> dict[str, str]:
    """The whole name of each account by its code; a chart that runs in a circle ends where it began."""
    rows = {row.code: row for row in chart}
    known: dict[str, str] = {}

    def path(code: str) -> str:
        names: list[str] = []
        seen: set[str] = set()
        while code in rows and code not in seen:
            if code in known:
                names.append(known[code])
                break
            seen.add(code)
            names.append(rows[code].name)
            code = rows[code].parent_code
        return ":".join(reversed(names))

    for code in rows:
        known[code] = path(code)
    return known


async def accounts(session: Session, firm_id: int, place: Place) -> dict[str, Target]:
    """Every account code that can go into a file: by its mapping, else by the firm's own chart."""
    chart = await file_codes.chart(session, firm_id)
    types = {row.code: row.type for row in chart}
    named = paths(chart)
    found = {code: Target(code=code, name=named[code], type=types[code], mapped=False) for code in types}
    mapped = await file_codes.mapped(session, firm_id, CodeKind.account, place.provider, place.connection_id)
    names = await _names_there(session, firm_id, place, [code for code, name in mapped.values() if code and not name])
    for ours, (code, name) in mapped.items():
        found[ours] = Target(code=code, name=name or names.get(code, ""), type=types.get(ours, ""))
    return found


async def taxes(session: Session, firm_id: int, place: Place) -> dict[str, str]:
    """Our tax code → what the provider displays, where a mapping says so."""
    mapped = await file_codes.mapped(session, firm_id, CodeKind.tax, place.provider, place.connection_id)
    return {ours: name for ours, (_, name) in mapped.items() if name}


async def _names_there(session: Session, firm_id: int, place: Place, ids: Sequence[str]) -> dict[str, str]:
    """The names of accounts that were pulled from the company."""
    if not ids or place.connection_id is None:
        return {}
    seen = await remote_records.seen(session, firm_id, place.connection_id, Kind.account, ids)
    return {external_id: str(row.record.get("name") or "") for external_id, row in seen.items()}
