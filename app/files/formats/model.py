"""What a file says, whatever its format: accounts, journal entries, and what is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from app.canonical import ProviderName


class Format(StrEnum):
    """A file format we read or write; the last is our own."""

    iif = "iif"
    qbo_accounts = "quickbooks_account_list"
    qbo_journal = "quickbooks_journal"
    qbo_report = "quickbooks_journal_report"
    xero_accounts = "xero_accounts"
    xero_journal = "xero_manual_journal"
    account_mappings = "account_mappings"

    @property
    def provider(self) -> ProviderName:
        """Whose format it is."""
        return ProviderName.xero if self.value.startswith("xero") else ProviderName.quickbooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing wrong in a file: where (`row` counts the file's lines from 1), what, why, and how to mend it.

    `records` are the rows of the records that cannot be taken because of it; empty where it is only a warning.
    """

    row: int
    column: str
    value: str
    code: str
    reason: str
    fix: str
    records: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAccount:
    """An account as a file has it. `path` is its whole name, levels divided by `:` where the format has levels.

    `type` is our `class.subtype`; `active` is None where the file does not say. `system`: the provider keeps it.
    """

    row: int
    code: str
    name: str
    path: str
    parent: str
    type: str
    vendor_type: str
    description: str = ""
    currency: str = ""
    active: bool | None = None
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """One side of an entry. `amount` is above zero for a debit; `account` a name, or for Xero a code."""

    row: int
    account: str
    amount: Decimal
    description: str = ""
    name: str = ""
    tax: str = ""
    tracking: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """A journal entry as a file has it; `number` and `currency` are empty where the file does not say."""

    row: int
    number: str
    date: date
    narration: str
    lines: tuple[FileLine, ...]
    currency: str = ""

    @property
    def debits(self) -> Decimal:
        """The sum of its debits."""
        return sum((line.amount for line in self.lines if line.amount > 0), Decimal(0))

    @property
    def credits(self) -> Decimal:
        """The sum of its credits, above zero."""
        return -sum((line.amount for line in self.lines if line.amount < 0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a table and the line of the file it begins in."""

    row: int
    cells: Sequence[str]


@dataclass(slots=True)
class Parsed:
    """Everything read from one file. `crooked`: rows with more cells than columns, so that cells may have moved."""

    format: Format
    encoding: str
    delimiter: str
    accounts: list[FileAccount] = field(default_factory=list)
    entries: list[FileEntry] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[int, Sequence[str]] = field(default_factory=dict)
    header: Sequence[str] = ()
    crooked: frozenset[int] = frozenset()

    @property
    def blocked(self) -> set[int]:
        """Rows of the records that cannot be taken."""
        return {row for trouble in self.troubles for row in trouble.records}


def crooked(row: int, records: tuple[int, ...], value: str) -> Trouble:
    """A row with more cells than columns: one of them was cut in two, and nothing tells which."""
    return Trouble(
        row=row,
        column="",
        value=value,
        code="too_many_cells",
        reason="The row has more cells than there are columns, so its cells may have moved.",
        fix='Put quotes around the text or amount that holds the divider, such as "1,234.56".',
        records=records,
    )


class Unreadable(Exception):
    """The file is of no format we read; the message says what it seems to be and what is read instead."""

    def __init__(self, message: str, *, code: str = "unsupported_file", fix: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix
