"""Creating, changing and archiving accounts of the firm's own chart."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.books import checks, ledger_checks
from app.books.checks import Finding
from app.books.ledger_inputs import AccountIn
from app.books.upserts import Plan, Saved, Values, match, named_ids, named_refs, named_twice, store
from app.canonical import Kind
from app.db import accounts, audit, bulk, firms
from app.db.ledger_tables import Account
from app.db.session import Session

_KEPT = ("external_ref", "code", "name", "type", "parent_code", "currency", "description", "active")
_NEW: Values = {"external_ref": None, "parent_code": "", "currency": "", "description": "", "active": True}


async def save_accounts(session: Session, firm_id: int, items: Sequence[AccountIn], *, single: bool = False) -> Saved:
    """Create or change accounts. Raises Invalid naming every item and field at fault; then nothing is stored."""
    refs = [item.external_ref for item in items]
    findings = [found for index, item in enumerate(items) for found in ledger_checks.account(index, item)]
    findings += [*named_twice(items), *checks.duplicates([item.code for item in items], "/code", refs)]
    checks.refuse(findings, single=single)
    await firms.lock_books(session, firm_id)
    codes = {item.code for item in items}
    rows = await accounts.named(session, firm_id, named_ids(items), named_refs(items), codes)
    known, findings = _matched(items, rows)
    for index, (item, row) in enumerate(zip(items, known, strict=True)):
        for field in ("name", "type"):
            if getattr(item, field) is None and (row is None or field in item.model_fields_set):
                message = f"An account needs a {field}."
                findings.append(Finding(index, f"/{field}", "missing", message, refs[index]))
    findings += _misplaced(items, known, await accounts.parents(session, firm_id))
    checks.refuse(findings, single=single)
    plans = [_plan(item, row) for item, row in zip(items, known, strict=True)]
    return await store(session, firm_id, Kind.account, plans)


async def archive_account(session: Session, firm_id: int, account_id: int, *, actor: str) -> None:
    """Make an account inactive. Archiving twice is archiving once. Raises NotFound."""
    await firms.lock_books(session, firm_id)
    row = await accounts.get(session, firm_id, account_id)
    if not row.active:
        return
    change = {"id": account_id, "active": False, "revision": row.revision + 1}
    await bulk.update_rows(session, Account, firm_id, [change])
    await audit.record(session, firm_id, actor=actor, action="account.archived", subject=f"account:{account_id}")


def _matched(items: Sequence[AccountIn], rows: Sequence[Any]) -> tuple[list[Any], list[Finding]]:
    """By id or external_ref where given, else by code; a code that another account has is taken."""
    known, findings = match(items, rows, "account")
    by_code = {row.code: row for row in rows}
    for index, item in enumerate(items):
        holder = by_code.get(item.code)
        unnamed = holder is not None and (item.external_ref is None or holder.external_ref is None)
        if known[index] is None and item.id is None and unnamed:
            known[index] = holder
        elif holder is not None and holder is not known[index]:
            message = f"The code {item.code!r} belongs to the account with the id {holder.id}."
            findings.append(Finding(index, "/code", "code_taken", message, item.external_ref))
    return known, findings


def _misplaced(items: Sequence[AccountIn], known: Sequence[Any], stored: Mapping[str, str]) -> list[Finding]:
    """Accounts whose parent does not exist, or that would lie under themselves."""
    tree = dict(stored)
    for item, row in zip(items, known, strict=True):
        was = row.parent_code if row is not None else ""
        tree[item.code] = (item.parent_code or "") if "parent_code" in item.model_fields_set else was
    findings = []
    for index, item in enumerate(items):
        parent = tree[item.code]
        if not parent or parent == item.code:
            continue
        if parent not in tree:
            message = f"There is no account {parent!r} to lie under."
            findings.append(Finding(index, "/parent_code", "account_unknown", message, item.external_ref))
        elif circles(item.code, tree):
            message = f"The account {item.code} would lie under itself, by way of {parent}."
            findings.append(Finding(index, "/parent_code", "account_cycle", message, item.external_ref))
    return findings


def circles(code: str, tree: Mapping[str, str]) -> bool:
    """Whether an account lies under itself in a tree of codes and their parents."""
    seen = {code}
    above = tree.get(code, "")
    while above and above in tree:
        if above in seen:
            return True
        seen.add(above)
        above = tree[above]
    return False


def _plan(item: AccountIn, row: Any | None) -> Plan:
    """What the account becomes: fields that were sent, over what is stored. Null empties a field."""
    stored = _NEW if row is None else {name: getattr(row, name) for name in _KEPT}
    given: Values = {name: getattr(item, name) for name in item.model_fields_set if name in _KEPT}
    for name in given:
        if given[name] is None and name in _NEW and name != "external_ref":
            given[name] = _NEW[name]
    values = {**stored, **given}
    changed = row is None or values != stored
    return Plan(row, values, changed=changed, pushed=changed)
