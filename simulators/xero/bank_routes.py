"""/BankTransactions, /BankTransfers and /ManualJournals."""

from starlette.responses import Response

from simulators.core.http import Json
from simulators.xero import render_bank as render
from simulators.xero.bank import BankWriting, delete_transfer, save_transaction, save_transfer
from simulators.xero.call import Call
from simulators.xero.element import Element, MalformedError, NotSimulatedError, RefusedError
from simulators.xero.fields import JOURNAL_FIELDS, TRANSFER_FIELDS, bank_fields
from simulators.xero.manual import save_journal
from simulators.xero.model_cash import BankTransaction, BankTransfer
from simulators.xero.queries import indexed, run

FAST = frozenset({"banktransactionid", "bankaccount.accountid", "contact.contactid", "type", "status", "date"})
FAST_JOURNALS = frozenset({"manualjournalid", "status", "date"})


def bank_transactions(call: Call) -> Response:
    """Every method below /BankTransactions."""
    books, query = call.books, call.query
    _only_ids(call, "BankTransactions")
    if call.method == "GET" and call.rest:
        return call.reply("BankTransactions", [render.bank_transaction(books, call.one_of(books.bank), full=True)])
    if call.method == "GET":
        wanted = {name.lower() for name in query.names("references")}

        def keep(record: BankTransaction) -> bool:
            return record.reference.lower() in wanted

        shortcuts = {"banktransactionid": "", "bankaccount.accountid": "account", "contact.contactid": "contact"}
        candidates = indexed(query, books.bank, shortcuts)
        listing = run(
            query, candidates, bank_fields(books), keep if wanted else None, plural="BankTransactions", fast=FAST
        )
        shown = [render.bank_transaction(books, record, full=query.paged) for record in listing.records]
        return call.reply("BankTransactions", shown, listing.pagination)
    how = BankWriting(call.unitdp, _path_id(call, "BankTransactions", call.rest and call.one_of(books.bank).id))

    def save(element: Element) -> Json:
        if call.put and element.guid("BankTransactionID"):
            raise RefusedError("PUT creates; send an update with POST")
        return render.bank_transaction(books, save_transaction(books, element, how), full=True)

    return call.saved("BankTransactions", "BankTransactionID", save)


def bank_transfers(call: Call) -> Response:
    """GET, PUT, and POST of Status DELETED. The list is never paged."""
    books = call.books
    _only_ids(call, "BankTransfers")
    if call.method == "GET" and call.rest:
        return call.reply("BankTransfers", [render.bank_transfer(books, call.one_of(books.transfers))])
    if call.method == "GET":
        deleted = call.query.flag("includedeleted")

        def keep(transfer: BankTransfer) -> bool:
            return deleted or transfer.status != "DELETED"

        candidates = indexed(call.query, books.transfers, {"banktransferid": ""})
        listing = run(call.query, candidates, TRANSFER_FIELDS, keep, pageable=False, plural="BankTransfers")
        return call.reply("BankTransfers", [render.bank_transfer(books, t) for t in listing.records])
    path_id = _path_id(call, "BankTransfers", call.rest and call.one_of(books.transfers).id)

    def save(element: Element) -> Json:
        if call.put:
            return render.bank_transfer(books, save_transfer(books, element))
        wanted = books.transfers.get(path_id or element.guid("BankTransferID"))
        if wanted is None:
            raise RefusedError("The bank transfer could not be found")
        if (element.text("Status") or "").upper() != "DELETED":
            raise RefusedError("Only Status DELETED is accepted for updates")
        return render.bank_transfer(books, delete_transfer(books, wanted))

    return call.saved("BankTransfers", "BankTransferID", save)


def manual_journals(call: Call) -> Response:
    """Every method below /ManualJournals."""
    books, query = call.books, call.query
    _only_ids(call, "ManualJournals")
    if call.method == "GET" and call.rest:
        return call.reply("ManualJournals", [render.manual_journal(books, call.one_of(books.journals), full=True)])
    if call.method == "GET":
        candidates = indexed(query, books.journals, {"manualjournalid": ""})
        listing = run(query, candidates, JOURNAL_FIELDS, plural="ManualJournals", fast=FAST_JOURNALS)
        shown = [render.manual_journal(books, journal, full=query.paged) for journal in listing.records]
        return call.reply("ManualJournals", shown, listing.pagination)
    path_id = _path_id(call, "ManualJournals", call.rest and call.one_of(books.journals).id)

    def save(element: Element) -> Json:
        if call.put and element.guid("ManualJournalID"):
            raise RefusedError("PUT creates; send an update with POST")
        return render.manual_journal(books, save_journal(books, element, path_id), full=True)

    return call.saved("ManualJournals", "ManualJournalID", save)


def _only_ids(call: Call, plural: str) -> None:
    if len(call.rest) > 1:
        raise NotSimulatedError(f"{plural}/{{id}}/{call.rest[1]}")


def _path_id(call: Call, plural: str, path_id: object) -> str | None:
    """The id in the path of a write. Raises MalformedError unless one element comes for it."""
    if call.method not in ("PUT", "POST") or (call.put and call.rest):
        raise NotSimulatedError(f"{call.method} {plural}/{{id}}")
    if not call.rest:
        return None
    if len(call.elements(plural)) != 1:
        raise MalformedError("Exactly one element may be sent to a single record")
    return str(path_id)
