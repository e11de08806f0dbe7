"""What /_sim tells of a company's books, and the same for its HTML page. Amounts are strings."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import q2
from simulators.intuit.company import Company
from simulators.intuit.ledger import ZERO
from simulators.intuit.payments import links_of


def ledger_view(company: Company) -> Json:
    """Customers, invoices, payments, totals and trial balance of one company."""
    tables = company.tables
    invoices = [_invoice(company, row) for row in tables["Invoice"].rows.values()]
    payments = [_payment(company, row) for row in tables["Payment"].rows.values()]
    return {
        "id": company.realm,
        "name": company.name,
        "customers": [
            {
                "id": row["Id"],
                "name": row["DisplayName"],
                "active": row["Active"],
                "balance": _text(company.ledger.customer_balance(row["Id"])),
            }
            for row in tables["Customer"].rows.values()
        ],
        "invoices": invoices,
        "payments": payments,
        "totals": {
            "customers": len(tables["Customer"].rows),
            "invoices": len(invoices),
            "invoiced": _sum(invoices, "total"),
            "outstanding": _sum(invoices, "balance"),
            "paid": _sum(payments, "amount"),
        },
        "trial_balance": [
            {
                "account": tables["Account"].rows[key]["FullyQualifiedName"],
                "debit": _text(max(amount, ZERO)),
                "credit": _text(max(-amount, ZERO)),
            }
            for key, amount in company.ledger.balances().items()
        ],
    }


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
        "currency": company.currency,
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


def _text(amount: Decimal | int) -> str:
    return str(q2(Decimal(amount)))


def _sum(rows: list[Json], name: str) -> str:
    return str(sum((Decimal(row[name]) for row in rows), Decimal("0.00")))
