"""Document lines: defaults, checks and arithmetic.

Xero rounds the unit amount first (2 places, 4 with unitdp=4), then each line, then the tax of each line half
up, and sums what it rounded; totals never have more than two places.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from simulators.core.money import q2
from simulators.xero.books import Books, new_id
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import ZERO, Account, Document, Item, Line, TaxRate

HUNDRED = Decimal(100)
LIMIT = Decimal("9999999999.99")


@dataclass(frozen=True)
class LineRules:
    """What surrounds a line: LineAmountTypes, decimals of the unit amount, sale or purchase, approved or draft."""

    amounts: str
    unitdp: int
    sale: bool
    approved: bool


def read_lines(books: Books, elements: Sequence[Element], old: Sequence[Line], rules: LineRules) -> tuple[Line, ...]:
    """The lines as they will be kept. A listed LineItemID keeps its id; lines not listed are gone.

    Raises RefusedError with one message per bad line.
    """
    known = {line.id for line in old}
    lines: list[Line] = []
    messages: list[str] = []
    for element in elements:
        wanted = element.guid("LineItemID")
        try:
            line = _read_line(books, element, rules)
        except RefusedError as error:
            messages.extend(error.messages)
            continue
        lines.append(replace(line, id=wanted if wanted in known and wanted else new_id()))
    if messages:
        raise RefusedError(*messages)
    return tuple(lines)


def retax(books: Books, lines: Sequence[Line], amounts: str) -> tuple[Line, ...]:
    """The same lines under other LineAmountTypes, tax computed again."""
    return tuple(
        line if not line.tax_type else replace(line, tax=_tax(line.amount, _rate(books, line.tax_type), amounts))
        for line in lines
    )


def totals(doc: Document) -> Document:
    """The document with SubTotal, TotalTax and Total from its lines."""
    amount = sum((line.amount for line in doc.lines), ZERO)
    tax = sum((line.tax for line in doc.lines), ZERO)
    if doc.amounts == "Inclusive":
        return replace(doc, subtotal=amount - tax, tax=tax, total=amount)
    return replace(doc, subtotal=amount, tax=tax, total=amount + tax)


def check_approvable(lines: Sequence[Line]) -> None:
    """Every line that carries money needs an account before approval. Raises RefusedError."""
    if any(line.unit is not None and not line.account_code for line in lines):
        raise RefusedError("Account code must be specified")


def _read_line(books: Books, element: Element, rules: LineRules) -> Line:
    item = _item(books, element)
    side = (item.sales if rules.sale else item.purchases) if item else {}
    unit = element.number("UnitAmount")
    if unit is None and isinstance(price := side.get("UnitPrice"), Decimal):
        unit = price
    code = _account_code(books, element) or str(side.get("AccountCode") or "")
    account = _account(books, code) if code else None
    description = element.text("Description") or (item.description if item else "")
    if len(description) > 4000:
        raise RefusedError("Description exceeds the maximum length of 4000 characters")
    given = element.number("LineAmount")
    if unit is None and given is None and element.number("Quantity") is None:
        if not description:
            raise RefusedError("Description must not be empty")
        return Line("", description, None, None, ZERO, ZERO, account_code=code)
    if not description and rules.approved:
        raise RefusedError("Description must not be empty")
    if account is None and rules.approved:
        raise RefusedError("Account code must be specified")
    line = _amounts(element, unit, given, rules)
    default = str(side.get("TaxType") or "")
    tax_type = "NONE" if rules.amounts == "NoTax" else _tax_type(books, element, account, default)
    override = element.number("TaxAmount")
    tax = _tax(line.amount, _rate(books, tax_type), rules.amounts)
    if override is not None and rules.amounts != "NoTax":
        tax = q2(override)
    tracking = tuple(child.raw for child in element.children("Tracking") or [])[:2]
    return replace(
        line,
        description=description,
        account_code=account.code if account else "",
        tax_type=tax_type,
        tax=tax,
        item_code=item.code if item else "",
        tracking=tracking,
    )


def _amounts(element: Element, unit: Decimal | None, given: Decimal | None, rules: LineRules) -> Line:
    places = Decimal("0.0001") if rules.unitdp == 4 else Decimal("0.01")
    sent = element.number("Quantity")
    quantity = (Decimal(1) if sent is None else sent).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
    if unit is None:
        unit = given / quantity if given is not None and quantity else ZERO
    unit = unit.quantize(places, rounding=ROUND_HALF_UP)
    rate = element.number("DiscountRate")
    off = element.number("DiscountAmount")
    if (rate is not None or off is not None) and not rules.sale:
        raise RefusedError("Discounts can only be applied to ACCREC invoices")
    gross = quantity * unit
    discount = gross * rate / HUNDRED if rate is not None else off or ZERO
    amount = q2(gross - discount)
    if given is not None and sent is not None and element.has("UnitAmount") and q2(given) != amount:
        raise RefusedError(f"The line total {q2(given)} does not match the expected line total {amount}")
    if abs(amount) > LIMIT:
        raise RefusedError(f"The line amount must be between -{LIMIT} and {LIMIT}")
    return Line("", "", quantity, unit, amount, ZERO, discount_rate=rate, discount_amount=off)


def _item(books: Books, element: Element) -> Item | None:
    code = element.text("ItemCode")
    if not code:
        return None
    found = books.items.find("code", code.lower())
    if not found:
        raise RefusedError(f"Item code '{code}' is not valid")
    return found[0]


def _account_code(books: Books, element: Element) -> str:
    if element.is_null("AccountCode"):
        # A null is not an omission here: the API refuses it (Xero-Net issue 15).
        raise RefusedError("Account code '' is not a valid code for this document.")
    by_id = element.guid("AccountID")
    account = books.accounts.get(by_id)
    if by_id and account is None:
        raise RefusedError("Account could not be found")
    return account.code if account else element.text("AccountCode") or ""


def _account(books: Books, code: str) -> Account:
    account = books.account(code)
    blocked = account is not None and (
        account.status != "ACTIVE" or account.type == "BANK" or account.system in ("DEBTORS", "CREDITORS")
    )
    if account is None or blocked:
        raise RefusedError(f"Account code '{code}' is not a valid code for this document.")
    return account


def _tax_type(books: Books, element: Element, account: Account | None, default: str) -> str:
    sent = element.text("TaxType") or default
    code = sent or (account.tax_type if account else "")
    if not code:
        return ""
    tax = books.taxes.get(code.upper())
    if tax is None or tax.status != "ACTIVE":
        raise RefusedError(f"The TaxType code {code} does not exist or cannot be used for this type of transaction.")
    if account is not None and not _applies(tax, account):
        raise RefusedError(f"The TaxType code '{tax.id}' cannot be used with account code '{account.code}'.")
    return tax.id


def _applies(tax: TaxRate, account: Account) -> bool:
    return account.account_class in tax.applies


def _rate(books: Books, tax_type: str) -> Decimal:
    tax = books.taxes.get(tax_type)
    return tax.rate if tax else ZERO


def _tax(amount: Decimal, rate: Decimal, amounts: str) -> Decimal:
    if amounts == "NoTax":
        return ZERO
    if amounts == "Inclusive":
        return q2(amount * rate / (HUNDRED + rate))
    return q2(amount * rate / HUNDRED)
