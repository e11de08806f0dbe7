"""What a Xero organisation would refuse, said before any call. Pure."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from app.canonical import Company, Customer, Invoice, InvoiceLine, JournalEntry, Operation, TaxMode
from app.errors import Fault
from app.providers.base import WriteItem
from app.providers.xero import journals, texts

_CENT = Decimal("0.01")
_PLACES = 4
_LARGEST = Decimal("9999999999.99")
# Xero takes e-mail addresses in ASCII alone.
_EMAIL = re.compile(r"[!-~]+@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,}", re.ASCII)


def preflight(item: WriteItem, company: Company) -> tuple[Fault, ...]:
    """Every reason why `company` would refuse `item`, in the order in which a person would meet them."""
    record = item.record
    if isinstance(record, Invoice):
        return tuple(_invoice(record, item.operation, company))
    if isinstance(record, JournalEntry):
        return tuple(journals.preflight(record, item.operation, company))
    if item.operation is Operation.deactivate:
        return ()
    return tuple(_customer(record, company))


def _customer(customer: Customer, company: Company) -> Iterator[Fault]:
    name = customer.name
    if not name.strip():
        yield Fault("name_missing", "The customer has no name.", fix="Give the customer a name.", field="name")
    elif "<" in name or ">" in name or " ".join(name.split()) != name:
        yield Fault(
            "name_invalid",
            "Xero takes no <, no >, no blank at either end and no two blanks in a row in a contact's name.",
            fix="Change the name.",
            field="name",
        )
    if customer.email and not _EMAIL.fullmatch(customer.email):
        yield Fault(
            "email_invalid", "Xero does not accept this e-mail address.", fix="Correct the address.", field="email"
        )
    address = customer.billing_address
    yield from texts.too_long("name", "a contact's name", name, 255)
    yield from texts.too_long("reference", "our number of a contact", customer.reference, 50)
    yield from texts.too_long("email", "an e-mail address", customer.email, 255)
    yield from texts.too_long("phone", "a telephone number", customer.phone, 50)
    yield from texts.too_long("tax_number", "a tax number", customer.tax_number, 50)
    yield from texts.too_long("billing_address.line1", "an address line", address.line1, 500)
    yield from texts.too_long("billing_address.line2", "an address line", address.line2, 500)
    yield from texts.too_long("billing_address.city", "a city", address.city, 255)
    yield from texts.too_long("billing_address.region", "a region", address.region, 255)
    yield from texts.too_long("billing_address.postal_code", "a postal code", address.postal_code, 50)
    yield from texts.too_long("billing_address.country", "a country", address.country, 50)
    if company.multicurrency:
        yield from _currency(customer.currency, company)


def _invoice(invoice: Invoice, operation: Operation, company: Company) -> Iterator[Fault]:
    if company.lock_date and invoice.issue_date <= company.lock_date:
        yield Fault(
            "period_closed",
            f"The books of {company.name} are locked up to {company.lock_date}; "
            f"the invoice is dated {invoice.issue_date}.",
            fix="Move the lock date in Xero, or date the invoice after it.",
            field="issue_date",
        )
    if operation is Operation.void:
        return
    if not invoice.customer:
        yield Fault(
            "customer_unmapped",
            "The invoice's customer is not in Xero yet.",
            fix="Sync the customer first.",
            field="customer",
        )
    if not invoice.number:
        # Without one Xero would invent a number, and an invoice whose answer got lost could not be found again.
        yield Fault("number_missing", "The invoice has no number.", fix="Give the invoice a number.", field="number")
    yield from texts.too_long("number", "an invoice number", invoice.number, 255)
    yield from texts.too_long("reference", "an invoice's reference", invoice.reference, 255)
    yield from _currency(invoice.currency, company)
    yield from _sums(invoice)
    for index, line in enumerate(invoice.lines):
        yield from _line(index, line, invoice.tax_mode)


def _sums(invoice: Invoice) -> Iterator[Fault]:
    if not invoice.lines:
        yield Fault("lines_missing", "The invoice has no lines.", fix="Add at least one line.", field="lines")
    on_top = sum((line.tax_amount for line in invoice.lines), Decimal(0))
    amounts = sum((line.amount for line in invoice.lines), Decimal(0))
    expected = amounts + on_top if invoice.tax_mode is TaxMode.exclusive else amounts
    if invoice.total != expected:
        yield Fault(
            "total_mismatch",
            f"The invoice says {invoice.total}, but its lines and their tax come to {expected}.",
            fix="Correct the invoice.",
            field="total",
        )
    if invoice.total < 0:
        yield Fault(
            "total_negative",
            "Xero does not take an invoice with a negative total.",
            fix="Issue a credit note instead.",
            field="total",
        )


def _line(index: int, line: InvoiceLine, tax_mode: TaxMode) -> Iterator[Fault]:
    where, what = f"lines.{index}", f"Line {index + 1}"
    if not line.description.strip():
        yield Fault(
            "description_missing", f"{what} has no description.", fix="Describe the line.", field=f"{where}.description"
        )
    yield from texts.too_long(f"{where}.description", "a line's description", line.description, 4000)
    if not line.account:
        yield Fault(
            "account_unmapped",
            f"{what} has no Xero account.",
            fix="Map the line's account to a Xero account.",
            field=f"{where}.account",
        )
    if tax_mode is not TaxMode.none and not line.tax:
        yield Fault(
            "tax_unmapped",
            f"{what} has no Xero tax type.",
            fix="Map the line's tax rate to a Xero tax type.",
            field=f"{where}.tax",
        )
    if tax_mode is TaxMode.none and line.tax_amount:
        yield Fault(
            "tax_unexpected",
            f"{what} has a tax amount, but the invoice is without tax.",
            fix="Correct it.",
            field=f"{where}.tax_amount",
        )
    yield from _arithmetic(where, what, line)


def _arithmetic(where: str, what: str, line: InvoiceLine) -> Iterator[Fault]:
    """Xero computes quantity × price itself, with four decimals each, and keeps two of every amount in any currency."""
    for field, name, value in (
        ("quantity", "quantity", line.quantity),
        ("unit_price", "unit price", line.unit_price),
    ):
        if _places(value) > _PLACES:
            yield Fault(
                "too_many_decimals",
                f"{what} has a {name} of {value}; Xero takes at most {_PLACES} decimals.",
                fix=f"Round the {name}, or state the line as 1 × its amount.",
                field=f"{where}.{field}",
            )
    exact = line.quantity * line.unit_price * (1 - line.discount_percent / 100)
    if abs(exact) > _LARGEST:
        yield Fault("amount_too_large", f"{what} is above {_LARGEST}.", fix="Split the line.", field=f"{where}.amount")
        return
    expected = exact.quantize(_CENT, rounding=ROUND_HALF_UP)
    if line.amount != expected:
        yield Fault(
            "line_amount_mismatch",
            f"{what} says {line.amount}, but Xero computes {expected} from its quantity, price and discount.",
            fix="Correct the line.",
            field=f"{where}.amount",
        )
    if _places(line.tax_amount) > 2:
        yield Fault(
            "too_many_decimals",
            f"{what} has a tax of {line.tax_amount}; Xero keeps two decimals.",
            fix="Round the tax.",
            field=f"{where}.tax_amount",
        )


def _currency(currency: str, company: Company) -> Iterator[Fault]:
    enabled = str(company.facts.get("currencies", "")).split(",")
    if currency and currency != company.currency and currency not in enabled:
        yield Fault(
            "currency_not_enabled",
            f"{company.name} does not use {currency} in Xero.",
            who="admin",
            fix=f"Add {currency} to the currencies in Xero's settings.",
            field="currency",
        )


def _places(value: Decimal) -> int:
    """How many decimals a number really needs."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
