"""/Contacts, /Payments and /Overpayments."""

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render
from simulators.xero.call import Call, MissingError
from simulators.xero.contacts import save_contact
from simulators.xero.document_routes import allocations
from simulators.xero.element import Element, MalformedError, NotSimulatedError
from simulators.xero.fields import CONTACT_FIELDS, overpayment_fields, payment_fields
from simulators.xero.model import Contact
from simulators.xero.money_in import create_payment, update_payment
from simulators.xero.queries import indexed, run
from simulators.xero.writes import Shape, save_all


def contacts(call: Call) -> Response:
    """Every method below /Contacts."""
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Contacts/{{id}}/{call.rest[1]}")
    if call.method == "GET":
        if call.rest:
            return call.reply("Contacts", [render.contact(call.books, _contact(call), full=True)])
        return _list_contacts(call)
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} Contacts/{{id}}")
    path_id = _contact(call).id if call.rest else None
    elements = call.elements("Contacts")
    if path_id and len(elements) != 1:
        raise MalformedError("Exactly one element may be sent to a single contact")

    def save(element: Element) -> Json:
        saved_contact = save_contact(call.books, element, put=call.put, contact_id=path_id)
        return render.contact(call.books, saved_contact, full=True)

    shape = Shape("ContactID", "HasValidationErrors")
    saved = save_all(call.books, elements, save, shape, summarize=call.summarize, cut_after=call.cut_after)
    return call.reply("Contacts", saved)


def payments(call: Call) -> Response:
    """Every method below /Payments: PUT takes many, POST one, POST with an id only deletes."""
    books = call.books
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Payments/{{id}}/{call.rest[1]}")
    if call.method == "GET" and not call.rest:
        candidates = indexed(call.query, books.payments, {"paymentid": "", "invoice.invoiceid": "target"})
        listing = run(call.query, candidates, payment_fields(books))
        shown = [render.payment(books, payment, full=False) for payment in listing.records]
        return call.reply("Payments", shown, listing.pagination)
    if call.rest and books.payments.get(call.rest[0].lower()) is None:
        raise MissingError
    if call.method == "GET":
        return call.reply("Payments", [render.payment(books, books.payments.rows[call.rest[0].lower()], full=True)])
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} Payments/{{id}}")
    elements = call.elements("Payments")
    if call.method == "POST" and len(elements) != 1:
        raise MalformedError("POST takes one payment; send several with PUT")

    def save(element: Element) -> Json:
        if call.rest:
            return render.payment(books, update_payment(books, call.rest[0].lower(), element), full=True)
        return render.payment(books, create_payment(books, element), full=True)

    shape = Shape("PaymentID", "HasValidationErrors")
    saved = save_all(books, elements, save, shape, summarize=call.summarize, cut_after=call.cut_after)
    return call.reply("Payments", saved)


def overpayments(call: Call) -> Response:
    """GET /Overpayments, by id, and its Allocations. They are made by BankTransactions or in Xero's own pages."""
    books = call.books
    if not call.rest and call.method == "GET":
        listing = run(call.query, books.overpayments.rows.values(), overpayment_fields(books))
        shown = [render.overpayment(books, over, full=call.query.paged) for over in listing.records]
        return call.reply("Overpayments", shown, listing.pagination)
    found = books.overpayments.get(call.rest[0].lower()) if call.rest else None
    if call.rest and found is None:
        raise MissingError
    if found is not None and len(call.rest) == 1 and call.method == "GET":
        return call.reply("Overpayments", [render.overpayment(books, found, full=True)])
    if found is not None and len(call.rest) >= 2 and call.rest[1].lower() == "allocations":
        return allocations(call, found.id)
    raise NotSimulatedError(f"{call.method} on Overpayments")


def _contact(call: Call) -> Contact:
    wanted = call.rest[0].lower()
    found = call.books.contacts.get(wanted) or next(iter(call.books.contacts.find("number", wanted)), None)
    if found is None:
        raise MissingError
    return found


def _list_contacts(call: Call) -> Response:
    query, books = call.query, call.books
    ids = {name.lower() for name in query.names("ids")}
    term = query.parameters.get("searchterm", "").lower()
    condition = query.where()
    # Asking for a status by name shows archived contacts even without includeArchived.
    archived = query.flag("includearchived") or (condition is not None and "contactstatus" in condition.equals)

    def keep(contact: Contact) -> bool:
        return (
            (archived or bool(ids) or contact.status == "ACTIVE")
            and (not ids or contact.id in ids)
            and (not term or term in " ".join([contact.name, contact.number, *contact.texts.values()]).lower())
        )

    shortcuts = {"contactid": "", "contactnumber": "number"} | ({} if archived else {"name": "name"})
    listing = run(query, indexed(query, books.contacts, shortcuts), CONTACT_FIELDS, keep)
    full = query.paged and not query.flag("summaryonly")
    shown = [render.contact(books, contact, full=full) for contact in listing.records]
    return call.reply("Contacts", shown, listing.pagination)
