"""Our vocabulary to Intuit's JSON; `records` is the way back. Pure: no session, no settings, no clock."""

from decimal import ROUND_HALF_UP, Decimal

from app.canonical import Address, Company, Customer, Invoice, InvoiceLine, TaxMode
from app.providers.quickbooks import wire

# Amounts are documented as ten digits before and five after the point.
_PRICE_STEP = Decimal("0.00001")
_US_CODES = frozenset({"TAX", "NON"})
_CALCULATION = {TaxMode.exclusive: "TaxExcluded", TaxMode.inclusive: "TaxInclusive", TaxMode.none: "NotApplicable"}


def with_marker(text: str, reference: str) -> str:
    """`text` with the line that says the record is ours; unchanged without a reference."""
    return "\n".join(part for part in (text, f"tieout:{reference}" if reference else "") if part)


def customer_body(customer: Customer, company: Company, *, create: bool) -> wire.Customer:
    """A customer to write. `tax_number` stays here: QuickBooks masks its own field, so it could never be compared."""
    body: wire.Customer = {"DisplayName": customer.name}
    if customer.company_name:
        body["CompanyName"] = customer.company_name
    if customer.email:
        body["PrimaryEmailAddr"] = {"Address": customer.email}
    if customer.phone:
        body["PrimaryPhone"] = {"FreeFormNumber": customer.phone}
    address = _address_body(customer.billing_address)
    if address:
        body["BillAddr"] = address
    notes = with_marker(customer.notes, customer.reference)
    if notes:
        body["Notes"] = notes
    # Write-once: an update that repeats it could only fail.
    if create and company.multicurrency and customer.currency:
        body["CurrencyRef"] = {"value": customer.currency}
    return body


def invoice_body(invoice: Invoice, company: Company) -> wire.Invoice:
    """An invoice to write, with every line: QuickBooks replaces the lines as a whole, even in a sparse update."""
    body: wire.Invoice = {
        "CustomerRef": {"value": invoice.customer},
        "TxnDate": invoice.issue_date.isoformat(),
        "DueDate": invoice.due_date.isoformat(),
        "Line": [_line_body(line, invoice, company) for line in invoice.lines],
    }
    if invoice.number:
        body["DocNumber"] = invoice.number
    if company.multicurrency:
        body["CurrencyRef"] = {"value": invoice.currency}
    if not company.facts.get("us"):
        body["GlobalTaxCalculation"] = _CALCULATION[invoice.tax_mode]
    elif company.facts.get("using_sales_tax"):
        body["TxnTaxDetail"] = _us_tax_body(invoice)
    if invoice.memo:
        body["CustomerMemo"] = {"value": invoice.memo}
    note = with_marker(invoice.private_note, invoice.reference)
    if note:
        body["PrivateNote"] = note
    return body


def line_description(line: InvoiceLine, price: Decimal | None) -> str:
    """What the customer reads: quantity, price and discount are spelled out where QuickBooks cannot hold them.

    `price` is the unit price that is sent, None when the line goes as an amount alone.
    """
    if price is not None:
        return line.description
    terms = f"{line.quantity.normalize():f} × {line.unit_price.normalize():f}"
    if line.discount_percent:
        terms += f", less {line.discount_percent.normalize():f} %"
    return f"{line.description} ({terms})".strip()


def sent_price(line: InvoiceLine, tax_mode: TaxMode) -> Decimal | None:
    """The unit price to send, None where only the amount can be told.

    QuickBooks checks amount = quantity × price (error 6070) and knows no discount per line; where prices include tax
    its `Amount` and `UnitPrice` are net, so the price goes along only if five decimals give the net amount exactly.
    """
    if line.discount_percent:
        return None
    if tax_mode is not TaxMode.inclusive:
        return line.unit_price
    net = line.amount - line.tax_amount
    if not line.quantity:
        return None
    price = (net / line.quantity).quantize(_PRICE_STEP, rounding=ROUND_HALF_UP)
    return price if (price * line.quantity).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) == net else None


def _line_body(line: InvoiceLine, invoice: Invoice, company: Company) -> wire.InvoiceLine:
    price = sent_price(line, invoice.tax_mode)
    detail: wire.SalesItemLineDetail = {"ItemRef": {"value": line.item}}
    if price is not None:
        detail["Qty"] = line.quantity
        detail["UnitPrice"] = price
    code = _line_tax_code(line, invoice.tax_mode, company)
    if code:
        detail["TaxCodeRef"] = {"value": code}
    if line.service_date:
        detail["ServiceDate"] = line.service_date.isoformat()
    amount = line.amount
    if invoice.tax_mode is TaxMode.inclusive:
        detail["TaxInclusiveAmt"] = line.amount
        amount -= line.tax_amount
    body: wire.InvoiceLine = {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "SalesItemLineDetail": detail,
    }
    description = line_description(line, price)
    if description:
        body["Description"] = description
    return body


def _line_tax_code(line: InvoiceLine, tax_mode: TaxMode, company: Company) -> str:
    """US lines say only TAX or NON, and the invoice names the rate; elsewhere every line names its code."""
    if not company.facts.get("us"):
        return line.tax
    if not company.facts.get("using_sales_tax"):
        return ""
    if tax_mode is TaxMode.none:
        return "NON"
    return line.tax if line.tax in _US_CODES else "TAX"


def _us_tax_body(invoice: Invoice) -> wire.TxnTaxDetail:
    """Our tax overrides what QuickBooks would compute; a rate named by the lines becomes the invoice's."""
    body: wire.TxnTaxDetail = {"TotalTax": invoice.tax_total}
    rates = us_rates(invoice)
    if rates:
        body["TxnTaxCodeRef"] = {"value": rates[0]}
    return body


def us_rates(invoice: Invoice) -> list[str]:
    """The tax codes other than TAX and NON that the lines name; QuickBooks takes one per invoice."""
    if invoice.tax_mode is TaxMode.none:
        return []
    return sorted({line.tax for line in invoice.lines if line.tax and line.tax not in _US_CODES})


def _address_body(address: Address) -> wire.Address:
    body: wire.Address = {}
    if address.line1:
        body["Line1"] = address.line1
    if address.line2:
        body["Line2"] = address.line2
    if address.city:
        body["City"] = address.city
    if address.region:
        body["CountrySubDivisionCode"] = address.region
    if address.postal_code:
        body["PostalCode"] = address.postal_code
    if address.country:
        body["Country"] = address.country
    return body
