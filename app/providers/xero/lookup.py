"""Is a record of ours at Xero already? Which ones may be it, and how equal they are. Pure."""

from collections.abc import Iterator, Sequence

from app.canonical import Customer, DocumentState, Invoice, Operation
from app.providers.base import Match, WriteItem
from app.providers.xero import records
from app.providers.xero.values import Element, quoted

_ENDED = frozenset({DocumentState.voided, DocumentState.deleted})


def invoice_query(number: str) -> dict[str, str]:
    """The question for an invoice by its number; `page` makes the answer whole."""
    if "," in number:
        return {"where": f'Type=="ACCREC" AND InvoiceNumber=={quoted(number)}', "page": "1"}
    return {"InvoiceNumbers": number, "page": "1"}


def name_query(name: str) -> dict[str, str]:
    """The question for a contact by its name, which Xero compares without regard to case."""
    return {"where": f"Name=={quoted(name)}", "includeArchived": "true", "page": "1"}


def best_invoice(item: WriteItem, invoice: Invoice, elements: Sequence[Element]) -> Match | None:
    """The invoice that holds the number, or ours under it even if voided; None where the number is free."""
    ours, holders = [], []
    for element in elements:
        number = str(element.get("InvoiceNumber") or "")
        if not records.is_sale(element) or number.casefold() != invoice.number.casefold():
            continue
        if invoice.reference and element.get("Reference") == invoice.reference:
            ours.append(element)
        elif records.state_of(element) not in _ENDED:
            holders.append(element)
    # A live one first: after a void, ours may have been written again.
    ours.sort(key=lambda element: records.state_of(element) in _ENDED)
    return next((match_invoice(item, invoice, element) for element in (*ours, *holders)), None)


def match_invoice(item: WriteItem, invoice: Invoice, element: Element) -> Match:
    """How an invoice compares with ours; after a void, being voided is all that counts."""
    remote = records.to_invoice(element)
    if item.operation is Operation.void:
        differences = [] if remote.state in _ENDED else ["not voided"]
    else:
        differences = list(_invoice_differences(invoice, element))
    return Match(
        external_id=remote.external_id,
        version=remote.version,
        label=remote.number,
        equal=not differences,
        total=remote.total,
        difference=", ".join(differences),
    )


def match_customer(item: WriteItem, customer: Customer, element: Element) -> Match:
    """How a contact compares with ours: our number on it makes it ours, whatever it is called by now."""
    remote = records.to_customer(element)
    if item.operation is Operation.deactivate:
        differences = ["still active"] if remote.active else []
    else:
        differences = list(_customer_differences(item, customer, element))
    return Match(
        external_id=remote.external_id,
        version=remote.version,
        label=remote.name,
        equal=not differences,
        difference=", ".join(differences),
    )


def _invoice_differences(invoice: Invoice, element: Element) -> Iterator[str]:
    remote = records.to_invoice(element)
    if remote.reference != invoice.reference:
        yield "reference"
    if remote.customer_id != invoice.customer.lower():
        yield "customer"
    if remote.currency != invoice.currency:
        yield f"currency {remote.currency} instead of {invoice.currency}"
    if remote.total != invoice.total:
        yield f"total {remote.total} instead of {invoice.total}"
    if remote.state in _ENDED:
        # Taken for ours it would count as written, and the books there would lack it all the same.
        yield f"it is {remote.state} there"


def _customer_differences(item: WriteItem, customer: Customer, element: Element) -> Iterator[str]:
    remote = records.to_customer(element)
    if not customer.reference or remote.customer.reference != customer.reference:
        yield "reference"
    # An update that may have been lost is proven by what it wrote.
    if item.operation is Operation.update:
        if remote.name != customer.name:
            yield "name"
        if remote.customer.email.casefold() != customer.email.casefold():
            yield "e-mail address"
