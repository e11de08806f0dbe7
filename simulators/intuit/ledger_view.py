"""What /_sim tells of a company's books, and the same for its HTML page. Amounts are strings."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.intuit.aging import aged_receivables
from simulators.intuit.company import Company
from simulators.intuit.ledger import ZERO
from simulators.intuit.payments import links_of

_MONEY = ("Purchase", "Deposit", "Transfer")
# Ages are counted from every open document; a page shows them up to so many transactions.
_AGED_AT_ONCE = 2000
_TRANSACTIONS = ("Invoice", "CreditMemo", "Payment", "JournalEntry", *_MONEY)


def ledger_view(company: Company) -> Json:
    """Customers, invoices, payments, journals, bank documents, totals, trial balance and aged receivables."""
    tables = company.tables
    return {
        **_lists(company, None),
        "totals": {
            "customers": len(tables["Customer"].rows),
            "invoices": len(tables["Invoice"].rows),
            "invoiced": _home_sum(company, "Invoice", "TotalAmt"),
            "outstanding": _home_sum(company, "Invoice", "Balance"),
            "paid": _home_sum(company, "Payment", "TotalAmt"),
        },
        "aged_receivables": aged_receivables(company)["customers"],
    }


def latest_view(company: Company, most: int) -> Json:
    """The same for a page: of each list the latest `most`, no totals; None for ages that take too long to tell."""
    counted = sum(len(company.tables[name].rows) for name in _TRANSACTIONS)
    aged = aged_receivables(company)["customers"] if counted <= _AGED_AT_ONCE else None
    return {**_lists(company, most), "aged_receivables": aged}


def _lists(company: Company, most: int | None) -> Json:
    def rows(entity: str) -> list[Json]:
        """Oldest first; without a look at those before the latest."""
        return list(islice(reversed(company.tables[entity].rows.values()), most))[::-1]

    return {
        "id": company.realm,
        "name": company.name,
        "customers": [_customer(company, row) for row in rows("Customer")],
        "invoices": [_invoice(company, row) for row in rows("Invoice")],
        "payments": [_payment(company, row) for row in rows("Payment")],
        "trial_balance": trial_balance(company),
        "journals": [_journal(row) for row in rows("JournalEntry")],
        "bank": [_money(name, row) for name in _MONEY for row in rows(name)],
    }


def _customer(company: Company, row: Json) -> Json:
    return {
        "id": row["Id"],
        "name": row["DisplayName"],
        "active": row["Active"],
        "balance": _text(company.ledger.customer_balance(row["Id"])),
    }


def documents(company: Company) -> Iterator[Json]:
    """Every transaction in one flat form, oldest first by kind; amounts are text.

    `{entity, id, number, note, memo, date, party, currency, total, balance, voided, token, links}`, "" or null where a
    kind has no such thing. `number` is DocNumber or PaymentRefNum, `note` PrivateNote; `links` are [kind, id] pairs.
    """
    for name in _TRANSACTIONS:
        for row in company.tables[name].rows.values():
            yield _flat(company, name, row)


def _flat(company: Company, name: str, row: Json) -> Json:
    party = row.get("CustomerRef") or row.get("EntityRef") or {}
    links = [link for line in row.get("Line", ()) for link in line.get("LinkedTxn", ())]
    return {
        "entity": name,
        "id": row["Id"],
        "number": row.get("DocNumber") or row.get("PaymentRefNum") or "",
        "note": row.get("PrivateNote", ""),
        "memo": row.get("CustomerMemo", {}).get("value", ""),
        "date": row["TxnDate"],
        "party": party.get("value", ""),
        "currency": row.get("CurrencyRef", {}).get("value", company.currency),
        "total": _text(_total(name, row)),
        "balance": _text(row["Balance"]) if "Balance" in row else None,
        "voided": row["Id"] in company.voided,
        "token": row["SyncToken"],
        "links": [[link["TxnType"], link["TxnId"]] for link in links],
    }


def _total(name: str, row: Json) -> Decimal | int:
    """The amount of a transaction; a journal entry's is the sum of its debits."""
    if name == "Transfer":
        return Decimal(row["Amount"])
    if name != "JournalEntry":
        return Decimal(row["TotalAmt"])
    debits = (x for x in row["Line"] if _posts(x) and x["JournalEntryLineDetail"]["PostingType"] == "Debit")
    return sum((Decimal(line["Amount"]) for line in debits), ZERO)


def trial_balance(company: Company) -> list[Json]:
    """Every account that moved, in the home currency: debit or credit."""
    accounts = company.tables["Account"].rows
    return [
        {
            "account": accounts[key]["FullyQualifiedName"],
            "debit": _text(max(amount, ZERO)),
            "credit": _text(max(-amount, ZERO)),
        }
        for key, amount in company.ledger.balances().items()
    ]


def invoice_status(company: Company, row: Json) -> str:
    """voided, paid, partially_paid or open."""
    if row["Id"] in company.voided:
        return "voided"
    if row["Balance"] == 0:
        return "paid"
    return "partially_paid" if row["Balance"] < row["TotalAmt"] else "open"


def _invoice(company: Company, row: Json) -> Json:
    return {
        "id": row["Id"],
        "number": row.get("DocNumber"),
        "customer_id": row["CustomerRef"]["value"],
        "customer": row["CustomerRef"]["name"],
        "date": row["TxnDate"],
        "currency": row["CurrencyRef"]["value"],
        "total": _text(row["TotalAmt"]),
        "tax": _text(row["TxnTaxDetail"]["TotalTax"]),
        "balance": _text(row["Balance"]),
        "status": invoice_status(company, row),
    }


def _payment(company: Company, row: Json) -> Json:
    return {
        "id": row["Id"],
        "date": row["TxnDate"],
        "customer_id": row["CustomerRef"]["value"],
        "amount": _text(row["TotalAmt"]),
        "unapplied": _text(row["UnappliedAmt"]),
        "status": "voided" if row["Id"] in company.voided else "active",
        "allocations": [
            {"invoice_id": link.document, "amount": _text(link.amount)}
            for link in links_of(row)
            if link.entity == "Invoice"
        ],
    }


def _journal(row: Json) -> Json:
    lines = [line["JournalEntryLineDetail"] | {"Amount": line["Amount"]} for line in row["Line"] if _posts(line)]
    return {
        "id": row["Id"],
        "number": row.get("DocNumber"),
        "date": row["TxnDate"],
        "note": row.get("PrivateNote", ""),
        "lines": [
            {"account": line["AccountRef"]["name"], "side": line["PostingType"], "amount": _text(line["Amount"])}
            for line in lines
        ],
    }


def _posts(line: Json) -> bool:
    return bool(line["DetailType"] == "JournalEntryLineDetail")


def _money(kind: str, row: Json) -> Json:
    amount = row["Amount"] if kind == "Transfer" else row["TotalAmt"]
    return {"id": row["Id"], "kind": kind, "date": row["TxnDate"], "amount": _text(amount)}


def _text(amount: Decimal | int) -> str:
    return str(q2(Decimal(amount)))


def _home_sum(company: Company, entity: str, name: str) -> str:
    """A column in the home currency: HomeTotalAmt for TotalAmt, HomeBalance for Balance, where there are such."""
    column = f"Home{name}" if company.multicurrency else name
    rows = company.tables[entity].rows.values()
    return str(sum((Decimal(row[column]) for row in rows), Decimal("0.00")))
