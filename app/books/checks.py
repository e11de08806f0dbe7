"""What must add up in a client or an invoice before it is stored. Pure: no database, no clock.

Sums are checked to the cent and never replaced: who sent them learns which one is wrong, by how much.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.books.inputs import MAX_AMOUNT, ClientIn, InvoiceIn, finer
from app.canonical import TaxMode, is_currency, minor_digits
from app.errors import Invalid


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. `field` is a JSON pointer below the item; `index` its place in the request."""

    index: int
    field: str
    code: str
    message: str
    external_ref: str | None = None


def refuse(findings: Sequence[Finding], *, single: bool) -> None:
    """Raise Invalid naming every finding; nothing is stored. `single`: the body was one object, not `items`."""
    if not findings:
        return
    codes = {found.code for found in findings}
    first = findings[0]
    rest = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    raise Invalid(
        f"{first.message}{rest}",
        code=codes.pop() if len(codes) == 1 else None,
        who="bookkeeper",
        fix="Correct the fields named in errors and send the request again; nothing of it was stored.",
        errors=[_shown(found, single=single) for found in findings],
    )


def _shown(found: Finding, *, single: bool) -> dict[str, object]:
    if single:
        return {"pointer": found.field, "code": found.code, "message": found.message}
    return {
        "pointer": f"/items/{found.index}{found.field}",
        "code": found.code,
        "message": found.message,
        "index": found.index,
        "external_ref": found.external_ref,
    }


def duplicates(keys: Sequence[object], field: str, refs: Sequence[str | None]) -> Iterator[Finding]:
    """Items that name a record which an earlier item of the same request names already. None names nothing."""
    seen: dict[object, int] = {}
    for index, key in enumerate(keys):
        if key is None:
            continue
        if key in seen:
            message = f"The item {seen[key]} of this request has the same {field[1:]} {key!r}."
            yield Finding(index, field, "duplicate_in_request", message, refs[index])
        seen.setdefault(key, index)


def client(index: int, item: ClientIn) -> Iterator[Finding]:
    """What is wrong with a client by itself."""
    if item.currency and not is_currency(item.currency):
        yield _currency(index, item.currency, item.external_ref)


def invoice(index: int, item: InvoiceIn) -> Iterator[Finding]:
    """What is wrong with an invoice by itself: currency, decimals, dates, lines, sums."""

    def found(field: str, code: str, message: str) -> Finding:
        return Finding(index, field, code, message, item.external_ref)

    if not is_currency(item.currency):
        yield _currency(index, item.currency, item.external_ref)
        return
    if item.due_date < item.issue_date:
        yield found("/due_date", "dates_reversed", f"Due on {item.due_date}, before its issue on {item.issue_date}.")
    too_fine = [found(field, code, message) for field, code, message in _decimals(item)]
    yield from too_fine
    if too_fine:
        return
    for position, (line, expected) in enumerate(zip(item.lines, item.amounts, strict=True)):
        if line.amount is not None and line.amount != expected:
            yield found(
                f"/lines/{position}/amount",
                "line_amount_mismatch",
                f"The line's amount is {line.amount}, but quantity × unit price less discount is {expected}.",
            )
    for field, code, message in _sums(item):
        yield found(field, code, message)


def _currency(index: int, code: str, ref: str | None) -> Finding:
    message = f"{code!r} is not a currency of ISO 4217; write it as three capital letters, such as USD."
    return Finding(index, "/currency", "currency_unknown", message, ref)


def _decimals(item: InvoiceIn) -> Iterator[tuple[str, str, str]]:
    allowed = minor_digits(item.currency)
    for name in ("subtotal", "tax_total", "total"):
        if finer(getattr(item, name), allowed):
            yield _too_fine(f"/{name}", getattr(item, name), item.currency)
    for position, line in enumerate(item.lines):
        if finer(line.tax_amount, allowed):
            yield _too_fine(f"/lines/{position}/tax_amount", line.tax_amount, item.currency)
        if line.amount is not None and finer(line.amount, allowed):
            yield _too_fine(f"/lines/{position}/amount", line.amount, item.currency)


def _too_fine(field: str, amount: Decimal, currency: str) -> tuple[str, str, str]:
    message = f"{amount} has more than the {minor_digits(currency)} decimals of {currency}."
    return field, "too_many_decimals", message


def _sums(item: InvoiceIn) -> Iterator[tuple[str, str, str]]:
    """The header against its lines. Inclusive amounts hold their tax; without tax there must be none."""
    amounts = item.amounts
    lines = sum(amounts, Decimal(0))
    tax = sum((line.tax_amount for line in item.lines), Decimal(0))
    if max(map(abs, (*amounts, lines, tax, lines + tax))) >= MAX_AMOUNT:
        yield "/total", "out_of_range", "The amounts are larger than can be kept."
        return
    if item.tax_mode is TaxMode.none and tax:
        yield "/tax_total", "tax_unbalanced", f"The tax mode is none, but the lines hold {tax} of tax."
    if item.tax_total != tax:
        yield "/tax_total", "tax_unbalanced", f"tax_total is {item.tax_total}, but the lines' tax comes to {tax}."
    # Each sum is held against what it is made of, so that one wrong number is one finding.
    if item.tax_mode is TaxMode.inclusive:
        total, subtotal = lines, item.total - item.tax_total
    else:
        total, subtotal = item.subtotal + item.tax_total, lines
    if item.subtotal != subtotal:
        yield "/subtotal", "total_mismatch", f"subtotal is {item.subtotal}, but it comes to {subtotal}."
    if item.total != total:
        yield "/total", "total_mismatch", f"total is {item.total}, but it comes to {total}."
    if item.total < 0:
        yield "/total", "negative_total", "An invoice cannot come to less than nothing; that would be a credit note."
