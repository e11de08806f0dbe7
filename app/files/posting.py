"""From a file's journal entries to drafts of ours: accounts, clients and taxes by our codes, each entry once."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from app.books import ledger_checks
from app.books.journals import save_entries
from app.books.ledger_inputs import JournalEntryIn
from app.db import file_codes, imports, journals
from app.db.session import Session
from app.files.charting import ChartPlan, Known
from app.files.formats.model import FileEntry, FileLine, Format, Parsed, Trouble
from app.files.formats.targets import REGIONS

_AT_ONCE = 500
_UNTAXED = {region.no_tax.casefold() for region in REGIONS.values()} | {
    "", "none", "no tax", "tax exempt (0%)", "gst free", "exempt"
}  # fmt: skip


@dataclass(slots=True)
class Drafts:
    """The entries to make, by their rows; those that are here already; what is wrong; what a person should know."""

    items: list[JournalEntryIn] = field(default_factory=list)
    unchanged: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    alike: list[int] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Names of sides that are no clients here; entries that may stand twice in the file."""
        notes = []
        if self.strangers:
            shown = ", ".join(sorted(self.strangers)[:5])
            notes.append(f"{len(self.strangers)} names are no clients of the firm and were left out: {shown}.")
        if self.alike:
            shown = ", ".join(map(str, self.alike[:5]))
            notes.append(
                f"{len(self.alike)} entries without a number say the same as another (line {shown}); all were taken."
            )
        return notes


@dataclass(frozen=True, slots=True)
class Words:
    """What the file's words mean here. `currency` is for entries that name none."""

    format: Format
    known: Known
    chart: ChartPlan
    clients: Mapping[str, int]
    taxes: Mapping[str, str]
    currency: str


async def words_of(
    session: Session, firm_id: int, parsed: Parsed, known: Known, chart: ChartPlan, given: tuple[Mapping[str, str], str]
) -> Words:
    """`given`: our tax codes with what the provider displays, and the currency for entries that name none."""
    taxes, currency = given
    clients: dict[str, int] = {}
    if parsed.entries:
        for row in await file_codes.clients(session, firm_id):
            clients.setdefault(row.name.casefold(), row.id)
    displayed = {name.casefold(): code for code, name in taxes.items()}
    return Words(parsed.format, known, chart, clients, displayed, currency)


async def drafts(session: Session, firm_id: int, parsed: Parsed, words: Words) -> Drafts:
    """What becomes of each entry of a file."""
    made = Drafts()
    found = await asyncio.to_thread(_drafted, parsed, words, made)
    numbers = [item.number for _, item in found]
    here = {row.number: row for row in await imports.entries_numbered(session, firm_id, numbers)}
    lines = await journals.lines_of(session, firm_id, [row.id for row in here.values()])
    for entry, item in found:
        row = here.get(item.number)
        if row is None:
            made.items.append(item)
        elif _same(item, row, lines[row.id]):
            made.unchanged += 1
        else:
            reason = f"The books have another entry {item.number!r}, with other sides or another date."
            fix = "Give the entry a number of its own, or remove it from the file."
            _trouble(made, entry, "number", item.number, "number_taken", reason, fix)
    return made


def _drafted(parsed: Parsed, words: Words, made: Drafts) -> list[tuple[FileEntry, JournalEntryIn]]:
    """Each entry with the draft it becomes; those that cannot be are among the troubles."""
    found: list[tuple[FileEntry, JournalEntryIn]] = []
    seen: dict[str, int] = {}
    alike: Counter[str] = Counter()
    for entry in parsed.entries:
        number = entry.number
        if not number:
            own = _own_number(entry)
            alike[own] += 1
            number = own if alike[own] == 1 else f"{own}-{alike[own]}"
            made.alike += [entry.row] if alike[own] > 1 else []
        item = _draft(entry, number, words, made, len(seen))
        if item is None:
            continue
        if item.number in seen:
            reason = f"Line {seen[item.number]} begins an entry of the same number."
            _trouble(made, entry, "number", item.number, "duplicate_number", reason, "Number every entry once.")
            continue
        seen[item.number] = entry.row
        found.append((entry, item))
    return found


async def store(session: Session, firm_id: int, made: Drafts) -> None:
    """Make the drafts."""
    for start in range(0, len(made.items), _AT_ONCE):
        await save_entries(session, firm_id, made.items[start : start + _AT_ONCE])


def _draft(entry: FileEntry, number: str, words: Words, made: Drafts, nth: int) -> JournalEntryIn | None:
    before = len(made.troubles)
    currency = entry.currency or words.currency
    if not currency:
        reason = "Neither the file nor the firm says in which currency the entry is."
        _trouble(
            made, entry, "currency", "", "currency_missing", reason, "Send it again with currency=USD or the like."
        )
    lines = [_line(entry, line, words, made) for line in entry.lines]
    if len(made.troubles) > before:
        return None
    given = {
        "number": number,
        "date": entry.date,
        "narration": entry.narration,
        "currency": currency,
        "lines": lines,
        "status": "draft",
    }
    try:
        item = JournalEntryIn(**given)
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][-1])
        reason = f"The {column} cannot be stored: {first['msg']}"
        _trouble(made, entry, column, str(first.get("input", ""))[:60], "invalid_value", reason, "Correct the row.")
        return None
    for finding in ledger_checks.entry(nth, item):
        _trouble(made, entry, finding.field.strip("/"), "", finding.code, finding.message, "Correct the entry.")
    return item if len(made.troubles) == before else None


def _line(entry: FileEntry, line: FileLine, words: Words, made: Drafts) -> dict[str, Any]:
    code = _account(line.account, words)
    if code is None:
        reason = f"The account {line.account!r} is neither in the chart nor mapped."
        fix = "Import the chart of accounts first, or map the account."
        _trouble(made, entry, "account", line.account, "account_unknown", reason, fix, line.row)
    tax = "" if line.tax.casefold() in _UNTAXED else words.taxes.get(line.tax.casefold())
    if tax is None:
        reason = f"No tax code of the firm is mapped to {line.tax!r}."
        fix = "Map the tax code with this external_name."
        _trouble(made, entry, "tax", line.tax, "tax_unknown", reason, fix, line.row)
    client = words.clients.get(line.name.casefold()) if line.name else None
    if line.name and client is None:
        made.strangers.add(line.name)
    side = {"debit": line.amount} if line.amount > 0 else {"credit": -line.amount}
    return {
        "account_code": code or "?",
        **side,
        "description": line.description,
        "client_id": client,
        "tax_code": tax or "",
        "tracking": dict(line.tracking),
    }


def _account(said: str, words: Words) -> str | None:
    """Our code for what the file calls an account: a code at Xero, a whole name or a number at QuickBooks."""
    known, folded = words.known, said.casefold()
    if words.format.provider == "xero":
        return known.by_external_code.get(said) or words.chart.codes.get(folded) or _chart_code(said, known)
    named = words.chart.codes.get(folded) or known.by_external_name.get(folded) or known.by_path.get(folded)
    if named is None and " " in said:  # `1000 · Checking` and `1000 Checking`
        number = said.split(" ", 1)[0]
        return _chart_code(said, known) or words.chart.codes.get(number.casefold()) or _chart_code(number, known)
    return named or _chart_code(said, known)


def _chart_code(code: str, known: Known) -> str | None:
    return code if code in known.rows else None


def _own_number(entry: FileEntry) -> str:
    """A number for an entry that has none, from what it says: the same file makes the same number again."""
    said = [
        f"{entry.date}",
        entry.narration,
        *(f"{line.account}|{line.amount}|{line.description}" for line in entry.lines),
    ]
    return "IMP-" + hashlib.sha256("\n".join(said).encode("utf-8", "replace")).hexdigest()[:10].upper()


def _same(item: JournalEntryIn, row: Any, lines: Sequence[Any]) -> bool:
    """Whether the books' entry has the same day, currency and sides; its texts may have been altered on the way."""
    ours = sorted((line.account_code, Decimal(line.debit) - Decimal(line.credit)) for line in lines)
    theirs = sorted((line.account_code, line.debit - line.credit) for line in item.lines)
    return row.status != "void" and (row.entry_date, row.currency, ours) == (item.date, item.currency, theirs)


def _trouble(
    made: Drafts, entry: FileEntry, column: str, value: str, code: str, reason: str, fix: str, row: int = 0
) -> None:
    rows = tuple(line.row for line in entry.lines)
    made.troubles.append(
        Trouble(row=row or entry.row, column=column, value=value, code=code, reason=reason, fix=fix, records=rows)
    )
