"""Creating, changing, voiding and reversing journal entries."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from app.books import checks, ledger_checks, naming
from app.books.checks import Finding
from app.books.ledger_inputs import JournalEntryIn, JournalLineIn
from app.books.upserts import Plan, Saved, Values, match, named_ids, named_refs, named_twice, store
from app.canonical import Kind
from app.db import audit, firms, journals, mappings
from app.db.session import Session
from app.errors import Conflict
from app.providers.registry import SPECS

_PUSHED = ("number", "entry_date", "narration", "currency", "total")
_KEPT = (*_PUSHED, "external_ref", "status")
_LINE = ("account_code", "debit", "credit", "description", "client_id", "tax_code", "tracking")
_ORDER: Mapping[str, int] = {"draft": 0, "approved": 1, "posted": 2}


async def save_entries(
    session: Session, firm_id: int, items: Sequence[JournalEntryIn], *, single: bool = False
) -> Saved:
    """Create or change entries with their lines. Raises Invalid naming every item and field at fault."""
    refs = [item.external_ref for item in items]
    findings = [found for index, item in enumerate(items) for found in ledger_checks.entry(index, item)]
    findings += [*named_twice(items), *checks.duplicates([item.number for item in items], "/number", refs)]
    checks.refuse(findings, single=single)
    await firms.lock_books(session, firm_id)
    rows = await journals.named(session, firm_id, named_ids(items), named_refs(items))
    known, findings = match(items, rows, "journal_entry")
    owners, unknown = await _owners(session, firm_id, items)
    findings += unknown
    holders = await journals.holders(session, firm_id, {item.number for item in items})
    findings += naming.taken_numbers(items, known, holders, "journal entry")
    checks.refuse(findings, single=single)
    old_lines = await journals.lines_of(session, firm_id, [row.id for row in rows])
    plans = []
    for index, (item, row) in enumerate(zip(items, known, strict=True)):
        plan = _plan(item, row, owners[index], old_lines[row.id] if row is not None else [])
        if row is not None and (reason := _forbidden(item, row, plan)):
            findings.append(Finding(index, "/status", *reason, refs[index]))
        plans.append(plan)
    checks.refuse(findings, single=single)
    return await store(session, firm_id, Kind.journal_entry, plans)


async def void_entry(session: Session, firm_id: int, entry_id: int, *, actor: str) -> set[int]:
    """Void an entry, here and where it was pushed; returns the connections to wake. Voiding twice is voiding once.

    Raises NotFound, and Conflict with code `void_unsupported` where it was pushed to a provider that voids no journals.
    """
    await firms.lock_books(session, firm_id)
    row = await journals.get(session, firm_id, entry_id)
    if row.status == "void":
        return set()
    for provider in await mappings.providers_holding(session, firm_id, Kind.journal_entry, entry_id):
        if Kind.journal_entry not in SPECS[provider].capabilities.voidable:
            raise Conflict(
                f"{SPECS[provider].display} cannot void a journal entry, and holds {row.number}.",
                code="void_unsupported",
                record={"kind": "journal_entry", "id": entry_id},
                who="bookkeeper",
                fix="Reverse the entry instead: its sides are posted the other way round.",
            )
    await journals.void(session, firm_id, entry_id)
    await audit.record(
        session, firm_id, actor=actor, action="journal_entry.voided", subject=f"journal_entry:{entry_id}"
    )
    return await mappings.auto_push(session, firm_id, Kind.journal_entry, [entry_id])


async def reverse_entry(session: Session, firm_id: int, entry_id: int, day: date | None, *, actor: str) -> Saved:
    """Post a new entry with the sides of this one exchanged, on `day` or its own date. Reversing twice is once.

    Raises NotFound, and Conflict with code `not_posted` for an entry that is no part of the ledger.
    """
    await firms.lock_books(session, firm_id)
    row = await journals.get(session, firm_id, entry_id)
    if row.status != "posted":
        raise Conflict(
            f"Journal entry {row.number} is {row.status}; only a posted one can be reversed.",
            code="not_posted",
            record={"kind": "journal_entry", "id": entry_id},
            who="bookkeeper",
        )
    lines = (await journals.lines_of(session, firm_id, [entry_id]))[entry_id]
    item = JournalEntryIn(
        external_ref=f"reversal-of:{entry_id}",
        number=f"{row.number}-R",
        date=day or row.entry_date,
        narration=f"Reversal of {row.number}. {row.narration}".strip()[:4000],
        currency=row.currency,
        lines=[
            JournalLineIn(
                account_code=line.account_code,
                debit=line.credit,
                credit=line.debit,
                description=line.description,
                client_id=line.client_id,
                tax_code=line.tax_code,
                tracking=line.tracking,
            )
            for line in lines
        ],
        status="posted",
    )
    known = await journals.named(session, firm_id, [], [f"reversal-of:{entry_id}"])
    if known:
        item = item.model_copy(update={"date": known[0].entry_date})
    saved = await save_entries(session, firm_id, [item], single=True)
    if not known:
        subject = f"journal_entry:{entry_id}"
        await audit.record(session, firm_id, actor=actor, action="journal_entry.reversed", subject=subject)
    return saved


async def _owners(
    session: Session, firm_id: int, items: Sequence[JournalEntryIn]
) -> tuple[list[list[int | None]], list[Finding]]:
    """The client of each line of each entry."""
    places = [(index, position) for index, item in enumerate(items) for position in range(len(item.lines))]
    named = [(line.client_id, line.client_ref) for item in items for line in item.lines]
    found, strangers = await naming.owners(session, firm_id, named)
    owners: list[list[int | None]] = [[] for _ in items]
    for (index, _), owner in zip(places, found, strict=True):
        owners[index].append(owner)
    findings = []
    for at, field, why in strangers:
        index, position = places[at]
        where = f"/lines/{position}{field}"
        findings.append(Finding(index, where, "client_unknown", why, items[index].external_ref))
    return owners, findings


def _plan(item: JournalEntryIn, row: Any | None, owners: Sequence[int | None], old_lines: Sequence[Any]) -> Plan:
    """What the entry becomes. Its status moves on from draft over approved to posted, never back."""
    stored: Values = {} if row is None else {name: getattr(row, name) for name in _KEPT}
    narration = stored.get("narration", "")
    if "narration" in item.model_fields_set:
        narration = item.narration or ""
    was = stored.get("status", "draft")
    values: Values = {
        "number": item.number,
        "entry_date": item.date,
        "narration": narration,
        "currency": item.currency,
        "total": ledger_checks.total(item),
        "external_ref": item.external_ref or stored.get("external_ref"),
        "status": (item.status or was) if was in _ORDER else was,
    }
    lines = [_line(line, owner) for line, owner in zip(item.lines, owners, strict=True)]
    same_lines = lines == [{name: getattr(line, name) for name in _LINE} for line in old_lines]
    pushed = not same_lines or any(values[name] != stored.get(name) for name in _PUSHED)
    changed = not same_lines or values != stored
    return Plan(row, values, changed=changed, pushed=pushed, lines=None if same_lines else lines)


def _line(line: JournalLineIn, owner: int | None) -> Values:
    return {**{name: getattr(line, name) for name in _LINE}, "client_id": owner}


def _forbidden(item: JournalEntryIn, row: Any, plan: Plan) -> tuple[str, str] | None:
    """Why the stored entry may not become this, as (code, message)."""
    if row.status == "void" and plan.changed:
        return "journal_entry_void", f"Journal entry {row.number} is void; a void entry stays as it is."
    if item.status is not None and _ORDER[item.status] < _ORDER.get(row.status, 0):
        return "status_reversed", f"Journal entry {row.number} is {row.status}; it cannot become {item.status} again."
    return None
