"""Whatever people and programs do, debits equal credits and the control accounts equal the open documents."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core.clock import Clock
from simulators.xero.acting import pay_invoice
from simulators.xero.books import Books
from simulators.xero.documents import Writing, save_document
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import DocKind, Document
from simulators.xero.money_in import allocate, delete_payment, unallocate
from simulators.xero.seeds import TENANTS, seeded

NZ = TENANTS[1]
AMOUNTS = st.decimals("0.01", "999.99", places=2)
INDEX = st.integers(0, 20)
LINE = st.fixed_dictionaries(
    {
        "Description": st.just("work"),
        "Quantity": st.decimals("0.0001", "20", places=4),
        "UnitAmount": AMOUNTS,
        "AccountCode": st.sampled_from(["200", "260"]),
        "TaxType": st.sampled_from(["OUTPUT2", "ZERORATED", "NONE"]),
    }
)
STEPS = st.one_of(
    st.tuples(
        st.just("document"),
        st.sampled_from(["ACCREC", "ACCREC", "ACCRECCREDIT", "ACCPAY"]),
        st.lists(LINE, min_size=1, max_size=4),
        st.sampled_from(["Exclusive", "Inclusive", "NoTax"]),
    ),
    st.tuples(st.just("pay"), INDEX, AMOUNTS, st.booleans()),
    st.tuples(st.just("unpay"), INDEX),
    st.tuples(st.just("allocate"), INDEX, INDEX, AMOUNTS),
    st.tuples(st.just("unallocate"), INDEX),
    st.tuples(st.just("void"), INDEX),
    st.tuples(st.just("edit"), INDEX, st.lists(LINE, min_size=1, max_size=2)),
)


def _document(books: Books, kind: str, lines: list[dict[str, object]], amounts: str) -> None:
    if kind == "ACCPAY":
        swap = {"OUTPUT2": "INPUT2", "ZERORATED": "NONE", "NONE": "NONE"}
        lines = [line | {"AccountCode": "429", "TaxType": swap[str(line["TaxType"])]} for line in lines]
    body = {
        "Type": kind, "Contact": {"Name": "Only Client"}, "Date": "2026-11-18", "DueDate": "2026-12-02",
        "Status": "AUTHORISED", "LineItems": lines, "LineAmountTypes": amounts,
    }  # fmt: skip
    doc_kind: DocKind = "creditnote" if kind.endswith("CREDIT") else "invoice"
    save_document(books, doc_kind, Element(body), Writing(put=True))


def _invoice(books: Books, at: int) -> Document:
    found = [d for d in books.documents.rows.values() if d.kind == "invoice"]
    if not found:
        raise RefusedError("nothing there")
    return found[at % len(found)]


def _pay(books: Books, at: int, amount: Decimal, overpay: bool) -> None:
    pay_invoice(books, _invoice(books, at), amount, date(2026, 11, 20), overpay=overpay)


def _unpay(books: Books, at: int) -> None:
    found = list(books.payments.rows.values())
    if found:
        delete_payment(books, found[at % len(found)])


def _allocate(books: Books, at: int, to: int, amount: Decimal) -> None:
    notes = [d.id for d in books.documents.rows.values() if d.kind == "creditnote"]
    sources = [*notes, *books.overpayments.rows]
    if not sources:
        return
    source = sources[at % len(sources)]
    body = {"Amount": amount, "Invoice": {"InvoiceID": _invoice(books, to).id}}
    allocate(books, "creditnote" if source in notes else "overpayment", source, Element(body))


def _unallocate(books: Books, at: int) -> None:
    found = list(books.allocations.rows.values())
    if found:
        unallocate(books, found[at % len(found)])


def _void(books: Books, at: int) -> None:
    save_document(books, "invoice", Element({"Status": "VOIDED"}), Writing(put=False, path_id=_invoice(books, at).id))


def _edit(books: Books, at: int, lines: list[dict[str, object]]) -> None:
    invoice = _invoice(books, at)
    save_document(books, "invoice", Element({"LineItems": lines}), Writing(put=False, path_id=invoice.id))


ACTS: dict[str, Callable[..., None]] = {
    "document": _document, "pay": _pay, "unpay": _unpay, "allocate": _allocate, "unallocate": _unallocate,
    "void": _void, "edit": _edit,
}  # fmt: skip


def _open(books: Books, *, sale: bool) -> Decimal:
    documents = [d for d in books.documents.rows.values() if d.posted and d.sale == sale]
    owed = sum((d.due_amount if d.kind == "invoice" else -d.due_amount for d in documents), Decimal(0))
    return owed - sum((o.remaining for o in books.overpayments.rows.values() if o.sale == sale), Decimal(0))


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_the_books_balance_after_every_step(steps: list[tuple[object, ...]]) -> None:
    books = seeded(NZ, Clock())
    for name, *arguments in steps:
        mark = books.mark()
        before = books.ledger.balances()
        try:
            ACTS[str(name)](books, *arguments)
        except RefusedError:
            books.rollback(mark)
            assert books.ledger.balances() == before
        assert sum(books.ledger.balances().values()) == 0
        assert books.ledger.balance(books.system_account("DEBTORS").id) == _open(books, sale=True)
        assert books.ledger.balance(books.system_account("CREDITORS").id) == -_open(books, sale=False)
        for doc in books.documents.rows.values():
            assert (doc.status == "PAID") == (doc.posted and doc.due_amount == 0)
            assert doc.due_amount >= 0
