"""Document lines: defaults, checks and arithmetic.

Xero rounds the unit amount first (2 places, 4 with unitdp=4), then each line, then the tax of each line half
up, and sums what it rounded; totals never have more than two places.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from simulators.core.money import q2
from simulators.xero.books import Books, new_id
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import ZERO, Account, Document, Item, Line
from simulators.xero.model_cash import BankTransaction
from simulators.xero.tracking import tracked

HUNDRED = Decimal(100)
LIMIT = Decimal("9999999999.99")
CONTROLS = ("DEBTORS", "CREDITORS")
NO_CODE = "Account code '{}' is not a valid code for this document."
D = TypeVar("D", Document, BankTransaction)


@dataclass(frozen=True)
class LineRules:
    """What surrounds a line: LineAmountTypes, decimals of the unit amount, sale or purchase, approved or draft.

    Discounts belong to sales documents alone, not to bank transactions.
    """

    amounts: str
    unitdp: int
    sale: bool
    approved: bool
    discounts: bool = True


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
        replace(line, tax=tax_amount(books, line.amount, line.tax_type, amounts)) if line.tax_type else line
        for line in lines
    )


def totals(doc: D) -> D:
    """The record with SubTotal, TotalTax and Total from its lines."""
    amount = sum((line.amount for line in doc.lines), ZERO)
    tax = sum((line.tax for line in doc.lines), ZERO)
    if doc.amounts == "Inclusive":
        return replace(doc, subtotal=amount - tax, tax=tax, total=amount)
    return replace(doc, subtotal=amount, tax=tax, total=amount + tax)


def amount_types(text: str) -> str:
    """LineAmountTypes in its own spelling. Raises RefusedError."""
    for known in ("Exclusive", "Inclusive", "NoTax"):
        if text.lower() == known.lower():
            return known
    raise RefusedError(f"LineAmountTypes '{text}' is not valid")


def check_approvable(lines: Sequence[Line]) -> None:
    """Every line that carries money needs an account before approval. Raises RefusedError."""
    if any(line.unit is not None and not line.account_id for line in lines):
        raise RefusedError("Account code must be specified")


def account_of(books: Books, element: Element, default: str = "") -> Account | None:
    """The account that a line names by code or id; None when it names none. Raises RefusedError.

    Bank accounts, archived ones and the control accounts of receivables and payables are refused.
    """
    if element.is_null("AccountCode"):
        # A null is not an omission here: the API refuses it (Xero-Net issue 15).
        raise RefusedError(NO_CODE.format(""))
    by_id = element.guid("AccountID")
    code = element.text("AccountCode") or ("" if by_id else default)
    account = books.accounts.get(by_id) if by_id else books.account(code)
    if account is None and (by_id or code):
        raise RefusedError("Account could not be found" if by_id else NO_CODE.format(code))
    if account is not None and (account.status != "ACTIVE" or account.type == "BANK" or account.system in CONTROLS):
        raise RefusedError(NO_CODE.format(account.code))
    return account


def tax_of(books: Books, code: str, account: Account | None) -> str:
    """The tax type under this code, checked against the account. Raises RefusedError."""
    tax = books.taxes.get(code.upper())
    if tax is None or tax.status != "ACTIVE":
        raise RefusedError(f"The TaxType code {code} does not exist or cannot be used for this type of transaction.")
    if account is not None and account.account_class not in tax.applies:
        raise RefusedError(f"The TaxType code '{tax.id}' cannot be used with account code '{account.code}'.")
    return tax.id


def tax_amount(books: Books, amount: Decimal, tax_type: str, amounts: str) -> Decimal:
    """The tax on one line, half up to two places."""
    tax = books.taxes.get(tax_type)
    rate = tax.rate if tax else ZERO
    if amounts == "NoTax":
        return ZERO
    if amounts == "Inclusive":
        return q2(amount * rate / (HUNDRED + rate))
    return q2(amount * rate / HUNDRED)


def _read_line(books: Books, element: Element, rules: LineRules) -> Line:
    item = _item(books, element)
    side = (item.sales if rules.sale else item.purchases) if item else {}
    unit = element.number("UnitAmount")
    if unit is None and isinstance(price := side.get("UnitPrice"), Decimal):
        unit = price
    account = account_of(books, element, str(side.get("AccountCode") or ""))
    description = element.text("Description") or (item.description if item else "")
    if len(description) > 4000:
        raise RefusedError("Description exceeds the maximum length of 4000 characters")
    given = element.number("LineAmount")
    if unit is None and given is None and element.number("Quantity") is None:
        if not description:
            raise RefusedError("Description must not be empty")
        return Line("", description, None, None, ZERO, ZERO)
    if not description and rules.approved:
        raise RefusedError("Description must not be empty")
    if account is None and rules.approved:
        raise RefusedError("Account code must be specified")
    line = _amounts(element, unit, given, rules)
    code = element.text("TaxType") or str(side.get("TaxType") or "") or (account.tax_type if account else "")
    tax_type = "NONE" if rules.amounts == "NoTax" else tax_of(books, code, account) if code else ""
    override = element.number("TaxAmount")
    tax = tax_amount(books, line.amount, tax_type, rules.amounts)
    if override is not None and rules.amounts != "NoTax":
        tax = q2(override)
    return replace(
        line,
        description=description,
        account_id=account.id if account else "",
        tax_type=tax_type,
        tax=tax,
        item_code=item.code if item else "",
        tracking=tracked(books, element),
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
    if (rate is not None or off is not None) and not (rules.sale and rules.discounts):
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
