"""Our vocabulary to Xero's JSON; `records` is the way back. Pure: no session, no settings, no clock.

What Xero has no field for stays here and is never sent: an invoice's `memo` and `private_note`, a line's
`service_date`, a customer's `company_name` and `notes`.
"""

from app.canonical import Address, Company, Customer, Invoice, InvoiceLine, JournalEntry, Operation, TaxMode
from app.providers.base import WriteItem
from app.providers.xero import journals, wire

_AMOUNT_TYPES = {TaxMode.exclusive: "Exclusive", TaxMode.inclusive: "Inclusive", TaxMode.none: "NoTax"}


def element(item: WriteItem, company: Company) -> wire.Invoice | wire.Contact | journals.Body:
    """What `item` looks like in the body of a write."""
    record = item.record
    if isinstance(record, Invoice):
        if item.operation is Operation.void:
            return {"InvoiceID": item.external_id, "Status": "VOIDED"}
        return invoice_element(record, item.external_id)
    if isinstance(record, JournalEntry):
        return journals.element(record, item.operation, item.external_id)
    if item.operation is Operation.deactivate:
        return {"ContactID": item.external_id, "ContactStatus": "ARCHIVED"}
    return contact_element(record, company, item.external_id)


def invoice_element(invoice: Invoice, external_id: str = "") -> wire.Invoice:
    """An approved sales invoice. An update names no line ids, so that these lines replace the ones Xero has."""
    body: wire.Invoice = {
        "Type": "ACCREC",
        "Status": "AUTHORISED",
        "Contact": {"ContactID": invoice.customer},
        "Date": invoice.issue_date.isoformat(),
        # Xero applies no payment terms to what comes by API.
        "DueDate": invoice.due_date.isoformat(),
        "InvoiceNumber": invoice.number,
        "CurrencyCode": invoice.currency,
        "LineAmountTypes": _AMOUNT_TYPES[invoice.tax_mode],
        "LineItems": [_line_item(line, invoice.tax_mode) for line in invoice.lines],
    }
    if invoice.reference:
        body["Reference"] = invoice.reference
    if external_id:
        body["InvoiceID"] = external_id
    return body


def contact_element(customer: Customer, company: Company, external_id: str = "") -> wire.Contact:
    """A contact. An update also sends what is empty, or a field cleared here would live on there."""
    update = bool(external_id)
    body: wire.Contact = {"Name": customer.name}
    if update:
        body["ContactID"] = external_id
    if customer.reference:
        body["ContactNumber"] = customer.reference
    if customer.email or update:
        body["EmailAddress"] = customer.email
    if customer.tax_number or update:
        body["TaxNumber"] = customer.tax_number
    if customer.phone or update:
        # All in one part: splitting a number into country, area and rest would be a guess.
        body["Phones"] = [
            {"PhoneType": "DEFAULT", "PhoneCountryCode": "", "PhoneAreaCode": "", "PhoneNumber": customer.phone}
        ]
    if customer.billing_address != Address() or update:
        body["Addresses"] = [_address(customer.billing_address)]
    if customer.currency and company.multicurrency:
        body["DefaultCurrency"] = customer.currency
    return body


def _line_item(line: InvoiceLine, tax_mode: TaxMode) -> wire.LineItem:
    item: wire.LineItem = {
        "Description": line.description,
        "Quantity": line.quantity,
        "UnitAmount": line.unit_price,
        "AccountCode": line.account,
    }
    if line.discount_percent:
        item["DiscountRate"] = line.discount_percent
    if line.item:
        item["ItemCode"] = line.item
    if tax_mode is not TaxMode.none:
        item["TaxType"] = line.tax
        # Ours overrides what Xero would compute, so that both books hold the same tax.
        item["TaxAmount"] = line.tax_amount
    return item


def _address(address: Address) -> wire.Address:
    return {
        "AddressType": "POBOX",
        "AddressLine1": address.line1,
        "AddressLine2": address.line2,
        "AddressLine3": "",
        "AddressLine4": "",
        "City": address.city,
        "Region": address.region,
        "PostalCode": address.postal_code,
        "Country": address.country,
    }
