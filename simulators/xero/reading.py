"""The books of an organisation as `/_sim` shows them: balances, trial balance, aged receivables."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.model import ZERO, Document

BUCKETS = ("current", "1-30", "31-60", "61-90", "older")


def ledger(books: Books) -> Json:
    """The whole company as the tests compare it; amounts as text."""
    sales = [d for d in books.documents.rows.values() if d.kind == "invoice" and d.sale]
    live = [d for d in sales if d.posted]
    return {
        "customers": [
            {"id": c.id, "name": c.name, "active": c.status == "ACTIVE", "balance": str(_owed(books, c.id))}
            for c in books.contacts.rows.values()
        ],
        "invoices": [
            {
                "id": d.id, "number": d.number, "customer_id": d.contact_id, "date": d.date.isoformat(),
                "currency": d.currency, "total": str(d.total), "tax": str(d.tax),
                "balance": str(d.due_amount if d.posted else Decimal("0.00")), "status": d.status,
            }
            for d in sales
        ],
        "payments": _payments(books),
        "totals": {
            "customers": len(books.contacts.rows),
            "invoices": len(live),
            "invoiced": str(_sum(d.total for d in live)),
            "outstanding": str(_sum(d.due_amount for d in live)),
            "paid": str(_sum(d.paid for d in live)),
        },
        "trial_balance": trial_balance(books),
    }  # fmt: skip


def trial_balance(books: Books) -> list[Json]:
    """Accounts with a balance, debit or credit, in base currency."""
    rows = []
    for account_id, amount in books.ledger.balances().items():
        account = books.accounts.rows[account_id]
        debit, credit = (amount, Decimal("0.00")) if amount > 0 else (Decimal("0.00"), -amount)
        rows.append({"account": f"{account.code} {account.name}", "debit": str(debit), "credit": str(credit)})
    return sorted(rows, key=lambda row: row["account"])


def _payments(books: Books) -> list[Json]:
    rows: list[Json] = []
    for p in books.payments.rows.values():
        applied = p.status == "AUTHORISED" and p.target_kind == "invoice"
        paid = [{"invoice_id": p.target_id, "amount": str(p.amount)}]
        rows.append(
            {
                "id": p.id,
                "date": p.date.isoformat(),
                "amount": str(p.amount),
                "unapplied": "0.00",
                "status": p.status,
                "allocations": paid if applied else [],
            }
        )
    for o in (*books.overpayments.rows.values(), *books.prepayments.rows.values()):
        used = [{"invoice_id": a.invoice_id, "amount": str(a.amount)} for a in books.allocations.find("source", o.id)]
        rows.append(
            {
                "id": o.id,
                "date": o.date.isoformat(),
                "amount": str(o.total),
                "unapplied": str(o.remaining),
                "status": o.status,
                "allocations": used,
            }
        )
    return rows


def _owed(books: Books, contact_id: str) -> Decimal:
    documents = [d for d in books.documents.find("contact", contact_id) if d.posted and d.sale]
    owed = _sum(d.due_amount if d.kind == "invoice" else -d.due_amount for d in documents)
    return owed - _sum(o.remaining for o in books.overpayments.find("contact", contact_id) if o.sale and o.live)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal("0.00"))


def aged(books: Books, day: date, *, sale: bool) -> Json:
    """Open receivables (or payables) per contact and currency by days overdue; credit counts as current.

    Prepayments stand on their own accounts and are not among them.
    """
    rows: dict[tuple[str, str], dict[str, Decimal]] = {}

    def add(contact_id: str, currency: str, bucket: str, amount: Decimal) -> None:
        row = rows.setdefault((contact_id, currency), dict.fromkeys(BUCKETS, ZERO))
        row[bucket] += amount

    for doc in books.documents.rows.values():
        if not (doc.posted and doc.sale == sale and doc.due_amount):
            continue
        if doc.kind == "invoice":
            add(doc.contact_id, doc.currency, _bucket(doc, day), doc.due_amount)
        else:
            add(doc.contact_id, doc.currency, "current", -doc.due_amount)
    for over in books.overpayments.rows.values():
        if over.live and over.sale == sale and over.remaining:
            add(over.contact_id, over.currency, "current", -over.remaining)
    shown = [
        {"customer_id": contact_id, "name": books.contacts.rows[contact_id].name, "currency": currency}
        | {bucket: str(amount) for bucket, amount in row.items()}
        | {"total": str(sum(row.values(), ZERO))}
        for (contact_id, currency), row in rows.items()
    ]
    return {"as_of": day.isoformat(), "rows": shown}


def journals(books: Books) -> list[Json]:
    """The manual journals, oldest first."""
    return [
        {
            "id": j.id, "narration": j.narration, "date": j.date.isoformat(), "status": j.status,
            "lines": [{"account": _named(books, x.account_id), "amount": str(x.amount)} for x in j.lines],
        }
        for j in books.journals.rows.values()
    ]  # fmt: skip


def _named(books: Books, account_id: str) -> str:
    account = books.accounts.get(account_id)
    return f"{account.code} {account.name}" if account else ""


def _bucket(doc: Document, day: date) -> str:
    late = (day - (doc.due or doc.date)).days
    if late <= 0:
        return "current"
    return "older" if late > 90 else BUCKETS[1 + (late - 1) // 30]
