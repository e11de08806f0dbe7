"""What a QuickBooks company would refuse, said before any call. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from app.canonical import (
    Address,
    Company,
    Customer,
    Invoice,
    InvoiceLine,
    JournalEntry,
    Operation,
    TaxMode,
    line_amount,
)
from app.errors import Fault
from app.providers.base import WriteItem
from app.providers.quickbooks import journals, texts
from app.providers.quickbooks.mapping import line_description, sent_price, us_rates, with_marker

_MAX_LINES = 10_000
_MAX_TAXABLE_LINES = 750


def preflight(item: WriteItem, company: Company) -> tuple[Fault, ...]:
    """Every reason why `company` would refuse `item`, in the order in which a person would meet them."""
    record = item.record
    if isinstance(record, Invoice):
        return tuple(_invoice(record, item.operation, company))
    if isinstance(record, JournalEntry):
        return tuple(journals.preflight(record, company))
    if item.operation is Operation.deactivate:
        return ()
    return tuple(_customer(record, company))


def _customer(customer: Customer, company: Company) -> Iterator[Fault]:
    if not customer.name.strip():
        yield Fault("name_missing", "The customer has no name.", fix="Give the customer a name.", field="name")
    yield from _name("name", "a customer's name", customer.name, 500)
    yield from _name("company_name", "a company name", customer.company_name, 100)
    if customer.email and not _looks_like_email(customer.email):
        yield Fault(
            "email_invalid", "QuickBooks does not accept this e-mail address.", fix="Correct it.", field="email"
        )
    yield from texts.text("email", "an e-mail address", customer.email, 100)
    yield from texts.text("phone", "a telephone number", customer.phone, 30)
    yield from texts.text("notes", "a customer's notes", with_marker(customer.notes, customer.reference), 2000)
    yield from _address(customer.billing_address)
    yield from texts.currency(customer.currency, company)


def _invoice(invoice: Invoice, operation: Operation, company: Company) -> Iterator[Fault]:
    if company.lock_date and invoice.issue_date <= company.lock_date:
        yield Fault(
            "period_closed",
            f"{company.name} is closed up to {company.lock_date}; the invoice is dated {invoice.issue_date}.",
            fix="Reopen the period in QuickBooks, or date the invoice after the closing date.",
            field="issue_date",
        )
    if operation is Operation.void:
        return
    if not invoice.customer:
        yield Fault(
            "customer_unmapped",
            "The invoice's customer is not in QuickBooks yet.",
            fix="Sync the customer first.",
            field="customer",
        )
    if len(invoice.number) > texts.MAX_NUMBER:
        yield texts.number_too_long("invoice", invoice.number)
    yield from texts.characters("number", invoice.number, newlines=False)
    yield from texts.text("memo", "the message to the customer", invoice.memo, 1000)
    yield from texts.text(
        "private_note", "the private note", with_marker(invoice.private_note, invoice.reference), 4000
    )
    yield from texts.currency(invoice.currency, company)
    yield from _sums(invoice)
    yield from _tax(invoice, company)
    yield from _line_count(invoice)
    for index, line in enumerate(invoice.lines):
        yield from _line(index, line, invoice, company)


def _line_count(invoice: Invoice) -> Iterator[Fault]:
    taxable = sum(1 for line in invoice.lines if line.tax_amount)
    if not invoice.lines:
        yield Fault("lines_missing", "The invoice has no lines.", fix="Add at least one line.", field="lines")
    if len(invoice.lines) > _MAX_LINES:
        yield Fault(
            "too_many_lines",
            f"QuickBooks takes at most {_MAX_LINES} lines per invoice; this one has {len(invoice.lines)}.",
            fix="Split the invoice.",
            field="lines",
        )
    if taxable > _MAX_TAXABLE_LINES:
        yield Fault(
            "too_many_taxable_lines",
            f"QuickBooks takes at most {_MAX_TAXABLE_LINES} taxed lines per invoice; this one has {taxable}.",
            fix="Split the invoice.",
            field="lines",
        )


def _line(index: int, line: InvoiceLine, invoice: Invoice, company: Company) -> Iterator[Fault]:
    where = f"lines.{index}"
    if not line.item:
        yield Fault(
            "item_unmapped",
            f"Line {index + 1} has no QuickBooks item.",
            fix="Map the line's item or account to a QuickBooks item.",
            field=f"{where}.item",
        )
    if not line.tax and _needs_tax_code(invoice, company):
        yield Fault(
            "tax_unmapped",
            f"Line {index + 1} has no QuickBooks tax code.",
            fix="Map the line's tax rate to a QuickBooks tax code.",
            field=f"{where}.tax",
        )
    expected = line_amount(line.quantity, line.unit_price, line.discount_percent, invoice.currency)
    if line.amount != expected:
        yield Fault(
            "line_amount_mismatch",
            f"Line {index + 1} says {line.amount}, but its quantity, price and discount come to {expected}.",
            fix="Correct the line.",
            field=f"{where}.amount",
        )
    description = line_description(line, sent_price(line, invoice.tax_mode))
    yield from texts.text(f"{where}.description", f"the description of line {index + 1}", description, 4000)


def _needs_tax_code(invoice: Invoice, company: Company) -> bool:
    """Outside the US every line names a code, also where no tax is due; in the US only where tax is charged at all."""
    return not company.facts.get("us") or (_taxes_sales(company) and invoice.tax_mode is not TaxMode.none)


def _sums(invoice: Invoice) -> Iterator[Fault]:
    on_top = invoice.tax_total if invoice.tax_mode is TaxMode.exclusive else Decimal(0)
    expected = sum((line.amount for line in invoice.lines), on_top)
    if invoice.total != expected:
        yield Fault(
            "total_mismatch",
            f"The invoice says {invoice.total}, but its lines and tax come to {expected}.",
            fix="Correct the invoice.",
            field="total",
        )
    if invoice.total < 0:
        yield Fault(
            "total_negative",
            "QuickBooks does not take an invoice with a negative total.",
            fix="Issue a credit note instead.",
            field="total",
        )


def _tax(invoice: Invoice, company: Company) -> Iterator[Fault]:
    if invoice.tax_mode is TaxMode.none and invoice.tax_total:
        yield Fault("tax_unexpected", "An invoice without tax has a tax amount.", fix="Correct it.", field="tax_total")
    if not company.facts.get("us"):
        return
    if invoice.tax_mode is TaxMode.inclusive:
        yield Fault(
            "tax_inclusive_unsupported",
            "A US QuickBooks company knows no prices that include tax.",
            fix="Issue the invoice with tax on top.",
            field="tax_mode",
        )
    if invoice.tax_total and not _taxes_sales(company):
        yield Fault(
            "sales_tax_off",
            f"Sales tax is switched off in {company.name}, but the invoice has tax.",
            who="admin",
            fix="Switch sales tax on in QuickBooks.",
            field="tax_total",
        )
    if invoice.tax_total and all(line.tax == "NON" for line in invoice.lines):
        yield Fault(
            "tax_without_taxed_line",
            "The invoice has tax, but none of its lines has a tax code that charges it.",
            fix="Map the tax rate of the taxed lines to a QuickBooks tax code other than NON.",
            field="tax_total",
        )
    if len(us_rates(invoice)) > 1:
        yield Fault(
            "tax_codes_mixed",
            "QuickBooks takes one sales tax rate per invoice in the US; the lines name several.",
            fix="Split the invoice by tax rate.",
            field="lines",
        )


def _taxes_sales(company: Company) -> bool:
    return bool(company.facts.get("using_sales_tax"))


def _address(address: Address) -> Iterator[Fault]:
    yield from texts.text("billing_address.line1", "an address line", address.line1, 500)
    yield from texts.text("billing_address.line2", "an address line", address.line2, 500)
    yield from texts.text("billing_address.city", "a city", address.city, 255)
    yield from texts.text("billing_address.region", "a region", address.region, 255)
    yield from texts.text("billing_address.postal_code", "a postal code", address.postal_code, 30)
    yield from texts.text("billing_address.country", "a country", address.country, 255)


def _name(field: str, what: str, value: str, limit: int) -> Iterator[Fault]:
    """A colon would separate parent and child; blanks at the ends are trimmed, so we would not find ours again."""
    if ":" in value or value != value.strip():
        yield Fault(
            "name_invalid",
            f"QuickBooks takes no colon and no blank at either end in {what}.",
            fix="Change the name.",
            field=field,
        )
    yield from texts.text(field, what, value, limit, newlines=False)


def _looks_like_email(value: str) -> bool:
    """One address, or several with commas between, which QuickBooks tolerates; it wants an @ and a dot after it."""
    return all(_is_address(part.strip()) for part in value.split(","))


def _is_address(value: str) -> bool:
    local, _, domain = value.rpartition("@")
    return bool(local) and "." in domain.strip(".") and not any(char.isspace() for char in value)
