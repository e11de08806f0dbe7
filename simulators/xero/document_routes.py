"""/Invoices and /CreditNotes."""

from collections.abc import Iterable

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render
from simulators.xero.call import Call, MissingError
from simulators.xero.documents import ID_FIELD, NUMBER_FIELD, Writing, save_document
from simulators.xero.element import Element, MalformedError, NotSimulatedError
from simulators.xero.fields import document_fields
from simulators.xero.model import DocKind, Document, SourceKind
from simulators.xero.money_in import allocate, unallocate
from simulators.xero.queries import indexed, run
from simulators.xero.wire import answer
from simulators.xero.writes import Shape, save_all

PLURAL: dict[DocKind, str] = {"invoice": "Invoices", "creditnote": "CreditNotes"}


def invoices(call: Call) -> Response:
    """Every method below /Invoices."""
    return _documents(call, "invoice")


def credit_notes(call: Call) -> Response:
    """Every method below /CreditNotes."""
    if len(call.rest) >= 2 and call.rest[1].lower() == "allocations":
        return allocations(call, one(call, "creditnote").id)
    return _documents(call, "creditnote")


def allocations(call: Call, source_id: str) -> Response:
    """PUT …/Allocations and DELETE …/Allocations/{id} of a credit note or overpayment."""
    books = call.books
    kind: SourceKind = "creditnote" if source_id in books.documents.rows else "overpayment"
    if call.method == "PUT" and len(call.rest) == 2:

        def save(element: Element) -> Json:
            return render.allocation(books, allocate(books, kind, source_id, element))

        saved = save_all(
            books, call.elements("Allocations"), save, Shape("AllocationID", "HasErrors"), summarize=call.summarize
        )
        return call.reply("Allocations", saved)
    if call.method == "DELETE" and len(call.rest) == 3:
        found = books.allocations.get(call.rest[2].lower())
        if found is None or found.source_id != source_id:
            raise MissingError
        unallocate(books, found)
        return answer(call.request, render.allocation(books, found) | {"IsDeleted": True})
    raise NotSimulatedError(f"{call.method} on Allocations")


def one(call: Call, kind: DocKind) -> Document:
    """The document named in the path by id or number. Raises MissingError."""
    wanted = call.rest[0].lower()
    found = call.books.documents.get(wanted)
    if found is None or found.kind != kind:
        found = next(iter(call.books.documents.find(f"{kind}-number", wanted)), None)
    if found is None:
        raise MissingError
    return found


def _documents(call: Call, kind: DocKind) -> Response:
    if len(call.rest) > 1:
        raise NotSimulatedError(f"{PLURAL[kind]}/{{id}}/{call.rest[1]}")
    if call.method == "GET":
        if call.rest:
            return call.reply(PLURAL[kind], [render.document(call.books, one(call, kind), lines=True)])
        return _list(call, kind)
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} {PLURAL[kind]}/{{id}}")
    return _write(call, kind)


def _write(call: Call, kind: DocKind) -> Response:
    path_id = one(call, kind).id if call.rest else None
    elements = call.elements(PLURAL[kind])
    if path_id and len(elements) != 1:
        raise MalformedError("Exactly one element may be sent to a single document")
    how = Writing(call.put, call.unitdp, path_id)

    def save(element: Element) -> Json:
        return render.document(call.books, save_document(call.books, kind, element, how), lines=True)

    shape = Shape(ID_FIELD[kind], "HasErrors")
    saved = save_all(call.books, elements, save, shape, summarize=call.summarize, cut_after=call.cut_after)
    return call.reply(PLURAL[kind], saved)


def _list(call: Call, kind: DocKind) -> Response:
    query, books = call.query, call.books
    contacts = {name.lower() for name in query.names("contactids")}
    statuses = {name.upper() for name in query.names("statuses")}
    numbers = {name.lower() for name in query.names("invoicenumbers")}
    ids = {name.lower() for name in query.names("ids")}
    term = query.parameters.get("searchterm", "").lower()

    def keep(doc: Document) -> bool:
        return (
            doc.kind == kind
            and (not ids or doc.id in ids)
            and (not contacts or doc.contact_id in contacts)
            and (not statuses or doc.status in statuses)
            and (not numbers or doc.number.lower() in numbers)
            and (not term or term in f"{doc.number} {doc.reference} {books.contacts.rows[doc.contact_id].name}".lower())
        )

    candidates = _candidates(call, kind, ids, numbers, contacts)
    listing = run(query, candidates, document_fields(books), keep)
    summary = query.flag("summaryonly")
    lines = query.paged and not summary
    shown = [render.document(books, doc, lines=lines, summary=summary) for doc in listing.records]
    return call.reply(PLURAL[kind], shown, listing.pagination)


def _candidates(call: Call, kind: DocKind, ids: set[str], numbers: set[str], contacts: set[str]) -> Iterable[Document]:
    """Through the narrowest index; DELETED documents keep no number, so a number never finds them."""
    table = call.books.documents
    if ids:
        return [table.rows[key] for key in ids if key in table.rows]
    if numbers:
        return [doc for number in numbers for doc in table.find(f"{kind}-number", number)]
    if contacts:
        return [doc for contact in contacts for doc in table.find("contact", contact)]
    return indexed(
        call.query,
        table,
        {
            ID_FIELD[kind].lower(): "",
            NUMBER_FIELD[kind].lower(): f"{kind}-number",
            "contact.contactid": "contact",
        },
    )
