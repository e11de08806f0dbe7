"""/Contacts, /Payments, /Overpayments and /Prepayments."""

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render, render_contact
from simulators.xero.call import Call, MissingError
from simulators.xero.contacts import save_contact
from simulators.xero.document_routes import allocations
from simulators.xero.element import Element, MalformedError, NotSimulatedError
from simulators.xero.fields import CONTACT_FIELDS, credit_fields, payment_fields
from simulators.xero.model import Contact, SourceKind
from simulators.xero.model_cash import Credit
from simulators.xero.money_in import create_payment, update_payment
from simulators.xero.queries import indexed, run
from simulators.xero.table import Table, View

FAST_CONTACTS = frozenset({"name", "emailaddress", "accountnumber", "contactid", "contactnumber", "contactstatus"})
FAST_PAYMENTS = frozenset({"paymentid", "invoice.invoiceid", "status", "date", "paymenttype"})


def contacts(call: Call) -> Response:
    """Every method below /Contacts."""
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Contacts/{{id}}/{call.rest[1]}")
    if call.method == "GET":
        if call.rest:
            return call.reply("Contacts", [render_contact.contact(call.books, _contact(call), full=True)])
        return _list_contacts(call)
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} Contacts/{{id}}")
    path_id = _contact(call).id if call.rest else None
    if path_id and len(call.elements("Contacts")) != 1:
        raise MalformedError("Exactly one element may be sent to a single contact")

    def save(element: Element) -> Json:
        saved_contact = save_contact(call.books, element, put=call.put, contact_id=path_id)
        return render_contact.contact(call.books, saved_contact, full=True)

    return call.saved("Contacts", "ContactID", save, "HasValidationErrors")


def payments(call: Call) -> Response:
    """Every method below /Payments: PUT takes many, POST one, POST with an id only deletes."""
    books = call.books
    if len(call.rest) > 1:
        raise NotSimulatedError(f"Payments/{{id}}/{call.rest[1]}")
    if call.method == "GET" and not call.rest:
        candidates = indexed(call.query, books.payments, {"paymentid": "", "invoice.invoiceid": "target"})
        listing = run(call.query, candidates, payment_fields(books), plural="Payments", fast=FAST_PAYMENTS)
        shown = [render.payment(books, payment, full=False) for payment in listing.records]
        return call.reply("Payments", shown, listing.pagination)
    if call.rest and books.payments.get(call.rest[0].lower()) is None:
        raise MissingError
    if call.method == "GET":
        return call.reply("Payments", [render.payment(books, books.payments.rows[call.rest[0].lower()], full=True)])
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} Payments/{{id}}")
    if call.method == "POST" and len(call.elements("Payments")) != 1:
        raise MalformedError("POST takes one payment; send several with PUT")

    def save(element: Element) -> Json:
        if call.rest:
            return render.payment(books, update_payment(books, call.rest[0].lower(), element), full=True)
        return render.payment(books, create_payment(books, element), full=True)

    return call.saved("Payments", "PaymentID", save, "HasValidationErrors")


def overpayments(call: Call) -> Response:
    """GET /Overpayments, by id, and its Allocations. They are made by BankTransactions or in Xero's own pages."""
    return _credits(call, call.books.overpayments, "overpayment")


def prepayments(call: Call) -> Response:
    """GET /Prepayments, by id, and its Allocations. They are made by BankTransactions."""
    return _credits(call, call.books.prepayments, "prepayment")


def _credits(call: Call, table: Table[Credit], kind: SourceKind) -> Response:
    books, plural = call.books, f"{kind.capitalize()}s"
    if not call.rest and call.method == "GET":
        wanted = {name.lower() for name in (*call.query.names("references"), *call.query.names("invoicenumbers"))}
        keep = (lambda credit: credit.reference.lower() in wanted) if wanted else None
        candidates = indexed(call.query, table, {f"{kind}id": "", "contact.contactid": "contact"})
        listing = run(call.query, candidates, credit_fields(books), keep, plural=plural)
        shown = [render.credit(books, credit, full=call.query.paged) for credit in listing.records]
        return call.reply(plural, shown, listing.pagination)
    if not call.rest:
        raise NotSimulatedError(f"{call.method} on {plural}: they are made by BankTransactions")
    found = call.one_of(table)
    if len(call.rest) == 1 and call.method == "GET":
        return call.reply(plural, [render.credit(books, found, full=True)])
    if len(call.rest) >= 2 and call.rest[1].lower() == "allocations":
        return allocations(call, kind, found.id)
    raise NotSimulatedError(f"{call.method} on {plural}")


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
    candidates = indexed(query, books.contacts, shortcuts, "" if archived else "ACTIVE")
    if ids:
        candidates = [contact for key in ids if (contact := books.contacts.get(key)) is not None]
    # The groups of the table already tell active from archived contacts.
    plain = isinstance(candidates, View) and not term
    listing = run(query, candidates, CONTACT_FIELDS, None if plain else keep, plural="Contacts", fast=FAST_CONTACTS)
    full = query.paged and not query.flag("summaryonly")
    shown = [render_contact.contact(books, contact, full=full) for contact in listing.records]
    return call.reply("Contacts", shown, listing.pagination)
