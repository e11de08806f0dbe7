"""Printing journal entries: what the three formats share.

A row is one side with its entry's own fields before it, all as text (`COLUMNS`), ordered so that the sides of an entry
follow each other. The loops are kept tight: a million rows must cost little more than copying them.
"""

import json
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from decimal import Decimal
from typing import IO, ClassVar, Protocol

from app.files.formats import targets
from app.files.formats.printing import Layout, Sink
from app.files.formats.targets import Findings, Plan, Target, Texts
from app.files.formats.values import date_text

COLUMNS = (
    "entry_id", "number", "date", "narration", "currency", "total",
    "account_code", "amount", "description", "client", "tax_code", "tracking",
)  # fmt: skip
MOST_MEMO = 4000
_NEEDS_NAME = frozenset({"asset.receivable", "liability.payable"})
Row = Sequence[str]


class Printer(Protocol):
    """Takes rows in any portions and writes entries."""

    findings: Findings
    entries: int
    lines: int
    totals: dict[str, Decimal]
    ids: "array[int]"

    def feed(self, rows: Sequence[Row]) -> None:
        """Print these rows; the last entry may go on in the next portion."""

    def close(self) -> None:
        """Print what is left and end the file."""


class _Names(dict[str, str]):
    """Our account code → what the file calls it, found out and checked once; empty for what cannot be written."""

    def __init__(self, journal: "Journal") -> None:
        super().__init__()
        self._journal = journal

    def __missing__(self, code: str) -> str:
        self[code] = name = self._journal.account(code)
        return name


class Journal(ABC):
    """What the three formats have in common."""

    provider: ClassVar[str]
    kind: ClassVar[str] = targets.CSV
    limit: ClassVar[int] = 0

    def __init__(self, file: IO[bytes], plan: Plan, *, zipped: bool = False) -> None:
        self.plan = plan
        self.findings = Findings()
        self.texts = Texts(self.findings, self.kind, limit=MOST_MEMO)
        self.entries = self.lines = 0
        self.totals: dict[str, Decimal] = {}
        self.ids = array("q")
        self.currency = plan.currency
        self.names = _Names(self)
        self.nameless: set[str] = set()
        self.clients: set[str] = set()
        self.sink = Sink(file, self.layout(), zipped=zipped)
        self._days: dict[str, str] = {}
        self._open: list[Row] = []
        self._number = ""

    @abstractmethod
    def layout(self) -> Layout:
        """How the file begins."""

    @abstractmethod
    def account(self, code: str) -> str:
        """What the file calls an account; refuses what it cannot name."""

    @abstractmethod
    def print(self, rows: Sequence[Row]) -> None:
        """Print one entry."""

    def feed(self, rows: Sequence[Row]) -> None:
        """Print these rows; the last entry may go on in the next portion."""
        open_rows = self._open
        current = open_rows[0][0] if open_rows else ""
        for row in rows:
            if row[0] == current:
                open_rows.append(row)
            else:
                if open_rows:
                    self._entry(open_rows)
                open_rows = [row]
                current = row[0]
        self._open = open_rows

    def close(self) -> None:
        """Print what is left and end the file."""
        if self._open:
            self._entry(self._open)
            self._open = []
        self.sink.close()

    def discard(self) -> None:
        """Let go of what was printed and not written."""
        self.sink.discard()

    def _entry(self, rows: Sequence[Row]) -> None:
        first = rows[0]
        self._number = first[1]
        currency = first[4]
        self.entries += 1
        self.lines += len(rows)
        self.ids.append(int(first[0]))
        self.totals[currency] = self.totals.get(currency, Decimal(0)) + Decimal(first[5])
        if self.limit and len(rows) > self.limit:
            message = f"The entry has {len(rows)} rows; a file takes {self.limit}, and an entry cannot be cut."
            self.findings.refuse(self._number, "lines", "entry_too_long", message)
            return
        self.sink.turn(len(rows))
        self.print(rows)

    @property
    def date_order(self) -> str:
        """In which order a date is written."""
        return self.plan.region.dates

    def day(self, iso: str) -> str:
        """A date in this order."""
        text = self._days.get(iso)
        if text is None:
            text = self._days[iso] = date_text(iso, self.date_order)
        return text

    def one_currency(self, currency: str) -> None:
        """Refuse an entry in another currency than the file's: it has no column to say so."""
        if not self.currency:
            self.currency = currency
        elif currency != self.currency:
            message = f"The file has no column for a currency, and begins in {self.currency}; export by `currency`."
            self.findings.refuse(self._number, "currency", "currency_unsupported", message, currency)

    def target(self, code: str) -> Target | None:
        """Where an account goes, refused where nothing says so."""
        target = self.plan.accounts.get(code)
        if target is None:
            message = f"Entry {self._number}, perhaps not it alone: the account is neither mapped nor in the chart."
            self.findings.refuse_once(code, "account_code", "account_unmapped", message)
        elif target.type in _NEEDS_NAME:
            self.nameless.add(code)
        return target

    def tracked(self, text: str, known: Sequence[str]) -> list[str]:
        """The values of a line's tracking by the names the file has columns for; others are refused."""
        values = dict.fromkeys(known, "")
        for name, value in json.loads(text).items():  # texts, no amounts
            at = next((one for one in known if one.casefold() == name.strip().casefold()), None)
            if at is None:
                message = f"The file has no column for {name!r}; it has {', '.join(known)}."
                self.findings.refuse(self._number, "tracking", "tracking_unsupported", message, name)
            else:
                values[at] = self.texts.name(str(value), self._number, "tracking", limit=100)
        return list(values.values())

    def untaxed(self, tax: str) -> None:
        """QuickBooks would compute a tax of its own on top."""
        message = "The format takes no tax codes on the sides of a journal; write the tax as a side of its own."
        self.findings.refuse(self._number, "tax_code", "tax_unsupported", message, tax)

    def client(self, name: str, code: str, limit: int) -> str:
        """The customer of a side; receivables and payables cannot be without one."""
        if name in self.clients:
            return name
        if name:
            self.clients.add(name)
            return self.texts.name(name, self._number, "client", limit=limit)
        if code in self.nameless:
            message = f"A side on the account {code} (receivable or payable) needs a client."
            self.findings.refuse(self._number, "client", "client_missing", message, code)
        return ""

    def by_name(self, code: str, level: int, whole: int) -> str:
        """An account by its whole name, as both QuickBooks want it: each level and the whole within their limits."""
        target = self.target(code)
        if target is None:
            return ""
        if not target.name:
            message = "The mapping names no account: set external_name to its whole name in QuickBooks."
            self.findings.refuse_once(code, "account_code", "account_unnamed", message)
            return ""
        for part in target.name.split(":"):
            self.texts.name(part, code, "account", limit=level)
        return self.texts.name(target.name, code, "account", limit=whole)
