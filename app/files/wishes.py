"""What a caller wants as a file, and what came of printing it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from app.canonical import ProviderName
from app.files.formats.targets import Findings

Kind = Literal["journal_entries", "accounts", "clients", "invoices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller wants as a file."""

    provider: ProviderName
    format: Literal["iif", "csv"]
    kind: Kind = "journal_entries"
    status: Literal["posted", "approved"] = "posted"
    date_from: date | None = None
    date_to: date | None = None
    ids: Sequence[int] | None = None
    currency: str | None = None
    connection_id: int | None = None
    region: str | None = None
    include_exported: bool = True
    split: Literal["zip"] | None = None

    def described(self) -> dict[str, Any]:
        """The filter as it is logged."""
        given = asdict(self)
        given["date_from"], given["date_to"] = (str(day) if day else None for day in (self.date_from, self.date_to))
        return {name: value for name, value in given.items() if value is not None}


@dataclass(slots=True)
class Counted:
    """What a printer did."""

    findings: Findings
    records: int
    lines: int
    totals: Mapping[str, Decimal]
    ids: Sequence[int] = ()
    before: int = 0
