"""Whatever people and programs do, debits equal credits and the control accounts equal the open documents."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core.clock import Clock
from simulators.core.money import q2
from simulators.xero.acting import pay_invoice
from simulators.xero.bank import BankWriting, delete_transfer, save_transaction, save_transfer
from simulators.xero.books import Books
from simulators.xero.documents import Writing, save_document
from simulators.xero.element import Element, RefusedError
from simulators.xero.manual import save_journal
from simulators.xero.model import DocKind, Document
from simulators.xero.money_in import allocate, create_payment, delete_payment, unallocate
from simulators.xero.seeds import TENANTS, seeded

NZ = TENANTS[1]
AMOUNTS = st.decimals("0.01", "999.99", places=2)
INDEX = st.integers(0, 20)
RATES = st.decimals("0.4", "1.9", places=4)
LINE = st.fixed_dictionaries(
    {
        "Description": st.just("work"),
        "Quantity": st.decimals("0.0001", "20", places=4),
        "UnitAmount": AMOUNTS,
        "AccountCode": st.sampled_from(["200", "260"]),
        "TaxType": st.sampled_from(["OUTPUT2", "ZERORATED", "NONE"]),
    }
)
TYPES = st.sampled_from(["Exclusive", "Inclusive", "NoTax"])
STEPS = st.one_of(
    st.tuples(
        st.just("document"),
        st.sampled_from(["ACCREC", "ACCREC", "ACCRECCREDIT", "ACCPAY", "ACCPAYCREDIT"]),
        st.lists(LINE, min_size=1, max_size=4),
        TYPES,
        st.one_of(st.none(), RATES),
    ),
    st.tuples(st.just("pay"), INDEX, AMOUNTS, st.booleans()),
    st.tuples(st.just("refund"), INDEX, AMOUNTS, RATES),
    st.tuples(st.just("unpay"), INDEX),
    st.tuples(st.just("allocate"), INDEX, INDEX, AMOUNTS),
    st.tuples(st.just("allocate"), INDEX, INDEX, AMOUNTS),
    st.tuples(st.just("unallocate"), INDEX),
    st.tuples(st.just("void"), INDEX),
    st.tuples(st.just("edit"), INDEX, st.lists(LINE, min_size=1, max_size=2)),
    st.tuples(
        st.just("bank"),
        st.sampled_from(
            ["RECEIVE", "SPEND", "RECEIVE-PREPAYMENT", "SPEND-PREPAYMENT", "RECEIVE-OVERPAYMENT", "SPEND-OVERPAYMENT"]
        ),
        st.lists(LINE, min_size=1, max_size=3),
        TYPES,
        st.one_of(st.none(), RATES),
    ),
    st.tuples(st.just("unbank"), INDEX),
    st.tuples(st.just("transfer"), st.sampled_from(["091", "USD"]), AMOUNTS),
    st.tuples(st.just("untransfer"), INDEX),
    st.tuples(st.just("journal"), st.lists(AMOUNTS, min_size=1, max_size=4), TYPES, st.booleans()),
    st.tuples(st.just("unjournal"), INDEX),
)
T = TypeVar("T")


def _pick(found: Sequence[T], at: int) -> T:
    if not found:
        raise RefusedError("nothing there")
    return found[at % len(found)]


def _costs(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    swap = {"OUTPUT2": "INPUT2", "ZERORATED": "NONE", "NONE": "NONE"}
    return [line | {"AccountCode": "429", "TaxType": swap[str(line["TaxType"])]} for line in lines]


def _document(books: Books, kind: str, lines: list[dict[str, object]], amounts: str, rate: Decimal | None) -> None:
    body = {
        "Type": kind, "Contact": {"Name": "Only Client"}, "Date": "2026-11-18", "DueDate": "2026-12-02",
        "Status": "AUTHORISED", "LineItems": _costs(lines) if kind.startswith("ACCPAY") else lines,
        "LineAmountTypes": amounts,
    }  # fmt: skip
    foreign = {} if rate is None else {"CurrencyCode": "USD", "CurrencyRate": rate}
    doc_kind: DocKind = "creditnote" if kind.endswith("CREDIT") else "invoice"
    save_document(books, doc_kind, Element(body | foreign), Writing(put=True))


def _invoice(books: Books, at: int) -> Document:
    return _pick([d for d in books.documents.rows.values() if d.kind == "invoice"], at)


def _pay(books: Books, at: int, amount: Decimal, overpay: bool) -> None:
    pay_invoice(books, _invoice(books, at), amount, date(2026, 11, 20), overpay=overpay)


def _refund(books: Books, at: int, amount: Decimal, rate: Decimal) -> None:
    """Money against anything open, from the account in base currency and at a rate of the day."""
    documents = [
        ({"invoice": "Invoice", "creditnote": "CreditNote"}[d.kind], d.id) for d in books.documents.rows.values()
    ]
    targets = documents + [("Overpayment", o) for o in books.overpayments.rows]
    name, key = _pick(targets + [("Prepayment", p) for p in books.prepayments.rows], at)
    found = books.documents.get(key) or books.overpayments.get(key) or books.prepayments.rows[key]
    amount = min(amount, found.due_amount if isinstance(found, Document) else found.remaining)
    body = {name: {f"{name}ID": key}, "Account": {"Code": "090"}, "Date": "2026-11-20", "Amount": amount}
    create_payment(books, Element(body | {"CurrencyRate": rate}))


def _unpay(books: Books, at: int) -> None:
    delete_payment(books, _pick(list(books.payments.rows.values()), at))


def _allocate(books: Books, at: int, to: int, amount: Decimal) -> None:
    notes = [("creditnote", d.id) for d in books.documents.rows.values() if d.kind == "creditnote"]
    overs = [("overpayment", key) for key in books.overpayments.rows]
    kind, source_id = _pick(notes + overs + [("prepayment", key) for key in books.prepayments.rows], at)
    source = books.documents.get(source_id) or books.overpayments.get(source_id) or books.prepayments.rows[source_id]
    fitting = [
        d
        for d in books.documents.rows.values()
        if d.kind == "invoice" and d.status == "AUTHORISED" and (d.sale, d.currency) == (source.sale, source.currency)
    ]
    invoice = _pick(fitting, to)
    left = source.due_amount if isinstance(source, Document) else source.remaining
    body = {"Amount": min(amount, left, invoice.due_amount), "Invoice": {"InvoiceID": invoice.id}}
    allocate(books, kind, source_id, Element(body))  # type: ignore[arg-type]


def _unallocate(books: Books, at: int) -> None:
    unallocate(books, _pick(list(books.allocations.rows.values()), at))


def _void(books: Books, at: int) -> None:
    doc = _pick(list(books.documents.rows.values()), at)
    save_document(books, doc.kind, Element({"Status": "VOIDED"}), Writing(put=False, path_id=doc.id))


def _edit(books: Books, at: int, lines: list[dict[str, object]]) -> None:
    invoice = _invoice(books, at)
    save_document(books, "invoice", Element({"LineItems": lines}), Writing(put=False, path_id=invoice.id))


def _bank(books: Books, kind: str, lines: list[dict[str, object]], amounts: str, rate: Decimal | None) -> None:
    account = next(a for a in books.accounts.rows.values() if a.currency == ("NZD" if rate is None else "USD"))
    body = {
        "Type": kind, "Contact": {"Name": "Only Client"}, "Date": "2026-11-18", "LineAmountTypes": amounts,
        "BankAccount": {"AccountID": account.id}, "LineItems": _costs(lines) if kind.startswith("SPEND") else lines,
    }  # fmt: skip
    save_transaction(books, Element(body | ({} if rate is None else {"CurrencyRate": rate})), BankWriting())


def _unbank(books: Books, at: int) -> None:
    key = _pick(list(books.bank.rows), at)
    save_transaction(books, Element({"Status": "DELETED"}), BankWriting(path_id=key))


def _transfer(books: Books, to: str, amount: Decimal) -> None:
    dollars = next(a.id for a in books.accounts.rows.values() if a.currency == "USD")
    target = {"AccountID": dollars} if to == "USD" else {"Code": to}
    save_transfer(books, Element({"FromBankAccount": {"Code": "090"}, "ToBankAccount": target, "Amount": amount}))


def _untransfer(books: Books, at: int) -> None:
    delete_transfer(books, _pick(list(books.transfers.rows.values()), at))


def _journal(books: Books, debits: list[Decimal], amounts: str, posted: bool) -> None:
    lines = [{"LineAmount": amount, "AccountCode": "429"} for amount in debits]
    lines.append({"LineAmount": -sum(debits, Decimal(0)), "AccountCode": "830"})
    body = {"Narration": "accrual", "JournalLines": lines, "LineAmountTypes": amounts}
    save_journal(books, Element(body | {"Status": "POSTED" if posted else "DRAFT"}))


def _unjournal(books: Books, at: int) -> None:
    journal = _pick(list(books.journals.rows.values()), at)
    status = "VOIDED" if journal.status == "POSTED" else "DELETED"
    save_journal(books, Element({"Status": status}), journal.id)


ACTS: dict[str, Callable[..., None]] = {
    "document": _document, "pay": _pay, "refund": _refund, "unpay": _unpay, "allocate": _allocate,
    "unallocate": _unallocate, "void": _void, "edit": _edit, "bank": _bank, "unbank": _unbank,
    "transfer": _transfer, "untransfer": _untransfer, "journal": _journal, "unjournal": _unjournal,
}  # fmt: skip


def _base(amount: Decimal, rate: Decimal) -> Decimal:
    return amount if rate == 1 else q2(amount / rate)


def _open(books: Books, *, sale: bool) -> Decimal:
    """What is open on receivables or payables, each document at its own rate."""
    documents = [d for d in books.documents.rows.values() if d.posted and d.sale == sale]
    owed = sum((_base(d.due_amount, d.rate) * (1 if d.kind == "invoice" else -1) for d in documents), Decimal(0))
    credit = (o for o in books.overpayments.rows.values() if o.sale == sale and o.live)
    return owed - sum((_base(o.remaining, o.rate) for o in credit), Decimal(0))


def _banked(books: Books, account_id: str) -> Decimal:
    """What one bank account must hold in base currency: the sum of all that went through it."""
    total = Decimal(0)
    for t in books.bank.rows.values():
        if t.account_id == account_id and t.status == "AUTHORISED" and not t.transfer_id:
            total += _base(t.total, t.rate) * (1 if t.incoming else -1)
    for p in books.payments.rows.values():
        if p.account_id == account_id and p.status == "AUTHORISED":
            target = books.target_of(p)
            foreign = books.accounts.rows[account_id].currency != "NZD"
            money = _base(p.amount, p.rate) if foreign else p.bank_amount
            total += money * (1 if target.sale == (p.target_kind == "invoice") else -1)
    for m in books.transfers.rows.values():
        if m.status == "AUTHORISED":
            moved = _base(m.amount, m.rate)
            total += moved * ((m.to_id == account_id) - (m.from_id == account_id))
    return total


def _check(books: Books) -> None:
    assert sum(books.ledger.balances().values()) == 0
    assert books.ledger.balance(books.system_account("DEBTORS").id) == _open(books, sale=True)
    assert books.ledger.balance(books.system_account("CREDITORS").id) == -_open(books, sale=False)
    for account in books.accounts.rows.values():
        if account.type == "BANK":
            assert books.ledger.balance(account.id) == _banked(books, account.id)
    for doc in books.documents.rows.values():
        assert (doc.status == "PAID") == (doc.posted and doc.due_amount == 0)
        assert doc.due_amount >= 0
    for credit in (*books.overpayments.rows.values(), *books.prepayments.rows.values()):
        assert credit.remaining >= 0
        assert (credit.status == "PAID") == (credit.live and credit.remaining == 0)


def _opened() -> Books:
    """Books with something of every kind in two currencies, so that most steps find what they need."""
    books = seeded(NZ, Clock())
    line = {"Description": "work", "Quantity": 3, "UnitAmount": "33.37", "AccountCode": "200", "TaxType": "OUTPUT2"}
    for rate in (None, Decimal("0.6131")):
        for kind in ("ACCREC", "ACCPAY", "ACCRECCREDIT", "ACCPAYCREDIT"):
            _document(books, kind, [line], "Exclusive", rate)
        for kind in ("RECEIVE-PREPAYMENT", "SPEND-PREPAYMENT", "RECEIVE-OVERPAYMENT", "SPEND-OVERPAYMENT"):
            _bank(books, kind, [line], "Inclusive", rate and rate + Decimal("0.05"))
    return books


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_the_books_balance_after_every_step(steps: list[tuple[object, ...]]) -> None:
    books = _opened()
    for name, *arguments in steps:
        mark = books.mark()
        before = books.ledger.balances()
        try:
            ACTS[str(name)](books, *arguments)
        except RefusedError:
            books.rollback(mark)
            assert books.ledger.balances() == before
        _check(books)
    books.rollback((0, 0))
    # Undone to the last step, nothing is left anywhere.
    assert books.ledger.balances() == {}
    assert not books.documents.rows
    assert len(books.documents.changed_after("invoice", None)) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=4), st.lists(AMOUNTS, min_size=1, max_size=6), TYPES, RATES)
def test_a_used_up_prepayment_leaves_nothing_on_its_accounts(
    lines: list[dict[str, object]], parts: list[Decimal], amounts: str, rate: Decimal
) -> None:
    books = seeded(NZ, Clock())
    deposit: dict[str, object] = {
        "Description": "deposit",
        "UnitAmount": "1.00",
        "AccountCode": "200",
        "TaxType": "OUTPUT2",
    }
    _bank(books, "RECEIVE-PREPAYMENT", [*lines, deposit], amounts, rate)
    [credit] = books.prepayments.rows.values()
    for part in [*parts, credit.total]:
        left = books.prepayments.rows[credit.id].remaining
        if left:
            body = {"Prepayment": {"PrepaymentID": credit.id}, "Account": {"Code": "090"}, "Date": "2026-11-20"}
            create_payment(books, Element(body | {"Amount": min(part, left)}))
    assert books.prepayments.rows[credit.id].status == "PAID"
    for code in ("200", "260", "820", "610"):
        account = books.account(code)
        assert account is not None
        assert books.ledger.balance(account.id) == 0
