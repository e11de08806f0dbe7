"""Aged receivables: what each customer owes by how long it has been due. Amounts are strings, in the home currency."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.intuit.company import Company
from simulators.intuit.ledger import ZERO

BUCKETS = ("current", "1-30", "31-60", "61-90", "91+")
_OTHERS = ("JournalEntry", "Deposit", "Purchase")


def aged_receivables(company: Company, as_of: str | None = None) -> Json:
    """`{as_of, customers: [{id, name, buckets..., total}], total}`; the total is that of the receivable accounts.

    Invoices age from their due date; credits, unapplied money and other entries from their date. What is open is what
    is open now: an earlier `as_of` only moves the buckets.
    """
    day = date.fromisoformat(as_of or company.today())
    sums: defaultdict[str, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(BUCKETS, ZERO))
    for customer, due, amount in open_items(company):
        sums[customer][_bucket((day - date.fromisoformat(due)).days)] += amount
    rows = []
    for customer, buckets in sums.items():
        total = sum(buckets.values(), ZERO)
        name = company.tables["Customer"].get(customer)["DisplayName"]
        shown = {bucket: str(q2(amount)) for bucket, amount in buckets.items()}
        rows.append({"id": customer, "name": name, **shown, "total": str(q2(total))})
    whole = sum((Decimal(row["total"]) for row in rows), ZERO)
    return {"as_of": day.isoformat(), "customers": rows, "total": str(q2(whole))}


def open_items(company: Company) -> Iterator[tuple[str, str, Decimal]]:
    """(customer, date it counts from, home amount) of everything open on receivables, from the documents."""
    for entity, way in (("Invoice", 1), ("CreditMemo", -1)):
        for row in company.tables[entity].rows.values():
            left = Decimal(row["HomeBalance"] if company.multicurrency else row["Balance"])
            if left:
                yield row["CustomerRef"]["value"], row["DueDate" if entity == "Invoice" else "TxnDate"], way * left
    for row in company.tables["Payment"].rows.values():
        unapplied = Decimal(row["UnappliedAmt"])
        if unapplied:
            rate = Decimal(row.get("ExchangeRate", 1))
            yield row["CustomerRef"]["value"], row["TxnDate"], -(unapplied if rate == 1 else q2(unapplied * rate))
    for entity in _OTHERS:
        for key, row in company.tables[entity].rows.items():
            for posting in company.ledger.postings(key):
                if posting.customer is not None:
                    yield posting.customer, row["TxnDate"], posting.amount


def _bucket(days: int) -> str:
    if days <= 0:
        return BUCKETS[0]
    return BUCKETS[min((days - 1) // 30 + 1, 4)]
