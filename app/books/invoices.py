"""Creating, changing and voiding invoices."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.books import checks, naming
from app.books.checks import Finding
from app.books.inputs import InvoiceIn, LineIn
from app.books.upserts import Plan, Saved, Values, match, named_ids, named_refs, named_twice, store
from app.canonical import Kind
from app.db import audit, firms, invoices, mappings
from app.db.session import Session
from app.errors import Conflict

_OPTIONAL = ("memo", "private_note")
_PUSHED = (
    *("number", "client_id", "issue_date", "due_date", "currency", "tax_mode", "memo", "private_note"),
    *("subtotal", "tax_total", "total"),
)
_KEPT = (*_PUSHED, "external_ref", "status")
_LINE = (
    *("description", "quantity", "unit_price", "discount_percent", "amount", "account_code", "item_code", "tax_code"),
    *("tax_amount", "service_date", "tracking"),
)


async def save_invoices(session: Session, firm_id: int, items: Sequence[InvoiceIn], *, single: bool = False) -> Saved:
    """Create or change invoices with their lines. Raises Invalid naming every item and field at fault."""
    refs = [item.external_ref for item in items]
    findings = [found for index, item in enumerate(items) for found in checks.invoice(index, item)]
    findings += [*named_twice(items), *checks.duplicates([item.number for item in items], "/number", refs)]
    checks.refuse(findings, single=single)
    await firms.lock_books(session, firm_id)
    rows = await invoices.named(session, firm_id, named_ids(items), named_refs(items))
    known, findings = match(items, rows, "invoice")
    named = [(item.client_id, item.client_ref) for item in items]
    owners, strangers = await naming.owners(session, firm_id, named)
    findings += [Finding(at, field, "client_unknown", why, refs[at]) for at, field, why in strangers]
    holders = await invoices.holders(session, firm_id, {item.number for item in items})
    findings += naming.taken_numbers(items, known, holders, "invoice")
    checks.refuse(findings, single=single)
    old_lines = await invoices.lines_of(session, firm_id, [row.id for row in rows])
    plans = []
    for index, (item, row) in enumerate(zip(items, known, strict=True)):
        plan = _plan(item, row, owners[index] or 0, old_lines[row.id] if row is not None else [])
        if row is not None and (reason := _forbidden(item, row, plan)):
            findings.append(Finding(index, "/status", *reason, refs[index]))
        plans.append(plan)
    checks.refuse(findings, single=single)
    return await store(session, firm_id, Kind.invoice, plans)


async def void_invoice(session: Session, firm_id: int, invoice_id: int, *, actor: str) -> set[int]:
    """Void an invoice; returns the connections to wake. Voiding twice is voiding once.

    Raises NotFound, and Conflict with code `payments_allocated` while money is set against it.
    """
    await firms.lock_books(session, firm_id)
    row = await invoices.get(session, firm_id, invoice_id)
    if row.status == "void":
        return set()
    if row.amount_paid or await invoices.has_allocations(session, firm_id, invoice_id):
        raise Conflict(
            f"Invoice {row.number} has payments set against it.",
            code="payments_allocated",
            record={"kind": "invoice", "id": invoice_id},
            who="bookkeeper",
            fix="Take the payments off at the provider, or give a credit note instead.",
        )
    await invoices.void(session, firm_id, invoice_id)
    await audit.record(session, firm_id, actor=actor, action="invoice.voided", subject=f"invoice:{invoice_id}")
    return await mappings.auto_push(session, firm_id, Kind.invoice, [invoice_id])


def _plan(item: InvoiceIn, row: Any | None, client_id: int, old_lines: Sequence[Any]) -> Plan:
    """What the invoice becomes. Its status moves from draft to approved only; the sync sets those that follow."""
    stored: Values = {} if row is None else {name: getattr(row, name) for name in _KEPT}
    values: Values = {name: getattr(item, name) for name in _PUSHED if name not in ("client_id", *_OPTIONAL)}
    values["client_id"] = client_id
    for name in _OPTIONAL:
        given = name in item.model_fields_set
        values[name] = (getattr(item, name) or "") if given else stored.get(name, "")
    values["external_ref"] = item.external_ref or stored.get("external_ref")
    was = stored.get("status", "draft")
    values["status"] = (item.status or was) if was == "draft" else was
    lines = [_line(line, amount) for line, amount in zip(item.lines, item.amounts, strict=True)]
    same_lines = lines == [{name: getattr(line, name) for name in _LINE} for line in old_lines]
    pushed = not same_lines or any(values[name] != stored.get(name) for name in _PUSHED)
    changed = not same_lines or values != stored
    return Plan(row, values, changed=changed, pushed=pushed, lines=None if same_lines else lines)


def _line(line: LineIn, amount: Decimal) -> Values:
    return {**vars(line), "amount": amount}


def _forbidden(item: InvoiceIn, row: Any, plan: Plan) -> tuple[str, str] | None:
    """Why the stored invoice may not become this, as (code, message)."""
    if row.status == "void" and plan.changed:
        return "invoice_void", f"Invoice {row.number} is void; a void invoice stays as it is."
    if row.status != "draft" and item.status == "draft":
        return "status_reversed", f"Invoice {row.number} is {row.status}; it cannot become a draft again."
    return None
