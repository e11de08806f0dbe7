"""/Invoices and /CreditNotes."""

from collections.abc import Callable, Iterable

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render
from simulators.xero.call import Call, MissingError
from simulators.xero.documents import ID_FIELD, NUMBER_FIELD, TYPES, Writing, save_document
from simulators.xero.element import Element, MalformedError, NotSimulatedError
from simulators.xero.fields import document_fields
from simulators.xero.model import DocKind, Document, SourceKind
from simulators.xero.money_in import allocate, unallocate
from simulators.xero.queries import indexed, run
from simulators.xero.table import View
from simulators.xero.wire import answer

PLURAL: dict[DocKind, str] = {"invoice": "Invoices", "creditnote": "CreditNotes"}
# What may be filtered by however many documents there are.
FAST = frozenset(
    {
        "status", "contact.contactid", "contact.name", "contact.contactnumber", "reference", "invoicenumber",
        "invoiceid", "creditnotenumber", "creditnoteid", "type", "amountpaid", "date", "duedate", "amountdue",
    }
)  # fmt: skip
_LISTS = ("ids", "invoicenumbers", "contactids", "statuses")


def invoices(call: Call) -> Response:
    """Every method below /Invoices."""
    return _documents(call, "invoice")


def credit_notes(call: Call) -> Response:
    """Every method below /CreditNotes."""
    if len(call.rest) >= 2 and call.rest[1].lower() == "allocations":
        return allocations(call, "creditnote", one(call, "creditnote").id)
    return _documents(call, "creditnote")


def allocations(call: Call, kind: SourceKind, source_id: str) -> Response:
    """PUT …/Allocations and DELETE …/Allocations/{id} of a credit note, overpayment or prepayment."""
    books = call.books
    if call.method == "PUT" and len(call.rest) == 2:

        def save(element: Element) -> Json:
            return render.allocation(books, allocate(books, kind, source_id, element))

        return call.saved("Allocations", "AllocationID", save)
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
    if path_id and len(call.elements(PLURAL[kind])) != 1:
        raise MalformedError("Exactly one element may be sent to a single document")
    how = Writing(call.put, call.unitdp, path_id)

    def save(element: Element) -> Json:
        return render.document(call.books, save_document(call.books, kind, element, how), lines=True)

    return call.saved(PLURAL[kind], ID_FIELD[kind], save)


def _list(call: Call, kind: DocKind) -> Response:
    query, books = call.query, call.books
    candidates, covered = _candidates(call, kind)
    listing = run(
        query, candidates, document_fields(books), _keeper(call, kind), plural=PLURAL[kind], fast=FAST, covered=covered
    )
    summary = query.flag("summaryonly")
    lines = query.paged and not summary
    shown = [render.document(books, doc, lines=lines, summary=summary) for doc in listing.records]
    return call.reply(PLURAL[kind], shown, listing.pagination)


def _keeper(call: Call, kind: DocKind) -> Callable[[Document], bool] | None:
    """What the comma lists and the search ask for; None when they ask for nothing."""
    query, books = call.query, call.books
    wanted = {name: {part.lower() for part in query.names(name)} for name in _LISTS}
    term = query.parameters.get("searchterm", "").lower()
    mine = kind == "invoice" and query.flag("createdbymyapp")
    if not any(wanted.values()) and not term and not mine:
        return None

    def keep(doc: Document) -> bool:
        values = (doc.id, doc.number.lower(), doc.contact_id, doc.status.lower())
        return (
            doc.kind == kind
            and all(not wanted[name] or value in wanted[name] for name, value in zip(_LISTS, values, strict=True))
            and (not mine or doc.app == call.client)
            and (not term or term in f"{doc.number} {doc.reference} {books.contacts.rows[doc.contact_id].name}".lower())
        )

    return keep


def _candidates(call: Call, kind: DocKind) -> tuple[Iterable[Document], bool]:
    """Through the narrowest index, and whether that already is all the filter asks for.

    DELETED documents keep no number, so a number never finds them.
    """
    table, query = call.books.documents, call.query
    if ids := query.names("ids"):
        return [doc for key in dict.fromkeys(ids) if (doc := table.get(key.lower())) is not None], False
    if numbers := query.names("invoicenumbers"):
        return [doc for n in dict.fromkeys(numbers) for doc in table.find(f"{kind}-number", n.lower())], False
    if contacts := query.names("contactids"):
        return [doc for key in dict.fromkeys(contacts) for doc in table.find("contact", key.lower())], False
    shortcuts = {
        ID_FIELD[kind].lower(): "",
        NUMBER_FIELD[kind].lower(): f"{kind}-number",
        "contact.contactid": "contact",
    }
    condition = query.where()
    type_ = (condition.equals.get("type") or "").upper() if condition else ""
    found = indexed(query, table, shortcuts, type_ if type_ in TYPES[kind] else kind)
    if isinstance(found, View):
        covered = type_ in TYPES[kind] and condition is not None and condition.plain and len(condition.equals) == 1
        return found, covered
    return [doc for doc in found if doc.kind == kind], False
