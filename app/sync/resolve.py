"""From rows of our books to canonical records in the provider's own codes. Pure: rows in, records or faults out."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.canonical import Customer, Invoice, InvoiceLine, JournalEntry, JournalLine, TaxMode
from app.db.outgoing import Codes
from app.errors import Fault
from app.sync.merging import customer_of

CENT_PLACES = 2


def marker(kind: str, record_id: int) -> str:
    """What marks a record at the provider as ours, wherever it has room for a reference."""
    return f"{kind}-{record_id}"


def customer(row: Any) -> Customer:
    """An owed client as the provider shall hold it."""
    return replace(customer_of(row), reference=marker("c", row.record_id))


def invoice(row: Any, lines: Iterable[Any], codes: Codes) -> tuple[Invoice, tuple[Fault, ...]]:
    """An owed invoice with its codes resolved, and a fault for each code that has no mapping."""
    faults: dict[tuple[str, str], Fault] = {}
    resolved = tuple(_line(line, codes, faults) for line in lines)
    built = Invoice(
        number=row.number,
        customer=row.customer_external_id or "",
        issue_date=row.issue_date,
        due_date=row.due_date,
        currency=row.currency,
        tax_mode=TaxMode(row.tax_mode),
        lines=resolved,
        subtotal=_plain(row.subtotal),
        tax_total=_plain(row.tax_total),
        total=_plain(row.total),
        reference=marker("i", row.record_id),
        memo=row.memo,
        private_note=row.private_note,
    )
    return built, tuple(faults.values())


def journal_entry(row: Any, lines: Iterable[Any], codes: Codes) -> tuple[JournalEntry, tuple[Fault, ...]]:
    """An owed journal entry with its codes resolved, and a fault for each code that has no mapping."""
    faults: dict[tuple[str, str], Fault] = {}
    resolved = tuple(
        JournalLine(
            account=_external(codes.accounts, "account", line.account_code, faults),
            debit=_plain(line.debit),
            credit=_plain(line.credit),
            description=line.description,
            customer=line.customer_external_id or "",
            tax=_external(codes.taxes, "tax", line.tax_code, faults),
        )
        for line in lines
    )
    built = JournalEntry(
        number=row.number,
        on=row.entry_date,
        narration=row.narration,
        currency=row.currency,
        lines=resolved,
        reference=marker("j", row.record_id),
    )
    return built, tuple(faults.values())


def _line(line: Any, codes: Codes, faults: dict[tuple[str, str], Fault]) -> InvoiceLine:
    return InvoiceLine(
        description=line.description,
        quantity=_plain(line.quantity),
        unit_price=_plain(line.unit_price),
        amount=_plain(line.amount),
        tax_amount=_plain(line.tax_amount),
        discount_percent=_plain(line.discount_percent),
        account=_external(codes.accounts, "account", line.account_code, faults),
        item=codes.items.get(line.item_code, ""),
        tax=_external(codes.taxes, "tax", line.tax_code, faults),
        service_date=line.service_date,
    )


def _external(mapping: Any, what: str, code: str, faults: dict[tuple[str, str], Fault]) -> str:
    if not code:
        return ""
    external = mapping.get(code)
    if external is None:
        faults[what, code] = Fault(
            code=f"{what}_unmapped",
            message=f"The {what} code {code} has no counterpart in this company.",
            fix=f"Map {what} code {code} for this provider, then retry.",
            field=f"{what}_code",
        )
        return ""
    return str(external)


def _plain(number: Decimal) -> Decimal:
    """The same number without the column's padding zeros, but never fewer than two decimals."""
    exponent = number.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return number.quantize(Decimal(1).scaleb(-max(places, CENT_PLACES)))
