"""What saving the books' records has in common: finding the rows that are meant, and storing what changed.

All of a request or nothing, in one transaction, in a handful of statements. A record that does not change is left
alone: same revision, nothing pushed. A change of what a provider would see raises the revision and makes the record
owed to its home; the caller wakes `Saved.connections` after the commit.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.books import checks
from app.books.checks import Finding
from app.canonical import Kind
from app.db import bulk, invoices, journals, mappings
from app.db.ledger_tables import Account, JournalEntry, JournalLine
from app.db.session import Session
from app.db.tables import Client, Invoice, InvoiceLine

Values = dict[str, Any]
_TABLES: Mapping[Kind, type[Client | Invoice | JournalEntry | Account]] = {
    Kind.customer: Client,
    Kind.invoice: Invoice,
    Kind.journal_entry: JournalEntry,
    Kind.account: Account,
}


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where the lines of a kind of document are kept."""

    table: type[InvoiceLine | JournalLine]
    parent: str
    drop: Callable[[Session, int, Sequence[int]], Awaitable[None]]


_LINES: Mapping[Kind, _Lines] = {
    Kind.invoice: _Lines(InvoiceLine, "invoice_id", invoices.drop_lines),
    Kind.journal_entry: _Lines(JournalLine, "journal_entry_id", journals.drop_lines),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: `created`, `updated` or `unchanged`."""

    id: int
    external_ref: str | None
    revision: int
    result: str


@dataclass(slots=True)
class Saved:
    """Outcomes in the order of the request, and the connections to wake once this is committed."""

    outcomes: list[Outcome] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)


class Named(Protocol):
    """An input that names its record."""

    @property
    def id(self) -> int | None:
        """Our id."""

    @property
    def external_ref(self) -> str | None:
        """The caller's id."""


@dataclass(slots=True)
class Plan:
    """One item beside the row it changes. `values` is to be stored; `pushed`: a provider would see the change."""

    row: Any | None
    values: Values
    changed: bool
    pushed: bool
    lines: list[Values] | None = None

    @property
    def revision(self) -> int:
        """The revision after this change."""
        return 1 if self.row is None else int(self.row.revision) + self.pushed

    @property
    def result(self) -> str:
        """How the outcome is called."""
        return "created" if self.row is None else "updated" if self.changed else "unchanged"


def named_ids(items: Sequence[Named]) -> set[int]:
    return {item.id for item in items if item.id is not None}


def named_refs(items: Sequence[Named]) -> set[str]:
    return {item.external_ref for item in items if item.external_ref is not None}


def named_twice(items: Sequence[Named]) -> list[Finding]:
    refs = [item.external_ref for item in items]
    by_id = checks.duplicates([item.id for item in items], "/id", refs)
    return [*by_id, *checks.duplicates(refs, "/external_ref", refs)]


def match(items: Sequence[Named], rows: Sequence[Any], noun: str) -> tuple[list[Any], list[Finding]]:
    """The row each item means, None for a new one; and the items whose names fit no record or two records."""
    by_id = {row.id: row for row in rows}
    by_ref = {row.external_ref: row for row in rows if row.external_ref is not None}
    known: list[Any] = []
    findings: list[Finding] = []
    for index, item in enumerate(items):
        named = by_ref.get(item.external_ref)
        row = named if item.id is None else by_id.get(item.id)
        if item.id is not None and row is None:
            message = f"There is no {noun} with the id {item.id}."
            findings.append(Finding(index, "/id", f"{noun}_unknown", message, item.external_ref))
        elif named is not None and row is not named:
            message = f"The external_ref {item.external_ref!r} belongs to another {noun} (id {named.id})."
            findings.append(Finding(index, "/external_ref", "external_ref_taken", message, item.external_ref))
        known.append(row)
    # One item may name a record by its id, another by its external_ref.
    meant = [row.id if row is not None else None for row in known]
    findings += checks.duplicates(meant, "/id", [item.external_ref for item in items])
    return known, findings


async def store(session: Session, firm_id: int, kind: Kind, plans: Sequence[Plan]) -> Saved:
    """Carry the plans out. A new row gets its id here; lines are replaced as a whole where they differ."""
    table = _TABLES[kind]
    created = [plan for plan in plans if plan.row is None]
    changed = [plan for plan in plans if plan.row is not None and plan.changed]
    new_ids = iter(await bulk.insert_rows(session, table, firm_id, [plan.values for plan in created]))
    ids = [next(new_ids) if plan.row is None else int(plan.row.id) for plan in plans]
    updates = [
        {**plan.values, "id": plan.row.id, "revision": plan.revision} for plan in changed if plan.row is not None
    ]
    await bulk.update_rows(session, table, firm_id, updates)
    if kind in _LINES:
        new = [(n, plan.lines) for n, plan in zip(ids, plans, strict=True) if plan.lines]
        await _store_lines(session, firm_id, _LINES[kind], new)
    touched = [record_id for record_id, plan in zip(ids, plans, strict=True) if plan.changed]
    outcomes = [
        Outcome(record_id, plan.values["external_ref"], plan.revision, plan.result)
        for record_id, plan in zip(ids, plans, strict=True)
    ]
    woken = await mappings.auto_push(session, firm_id, kind, touched) if kind in mappings.TABLES else set()
    return Saved(outcomes, woken)


async def _store_lines(
    session: Session, firm_id: int, kept: _Lines, lines: Sequence[tuple[int, Sequence[Values] | None]]
) -> None:
    await kept.drop(session, firm_id, [record_id for record_id, _ in lines])
    rows = [
        {kept.parent: record_id, "position": position, **line}
        for record_id, of_record in lines
        for position, line in enumerate(of_record or ())
    ]
    await bulk.insert_rows(session, kept.table, firm_id, rows)
