"""Invoices and credit memos: totals, numbers, balances and postings (reference 3.3, 3.5, 2.10)."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js
from simulators.intuit.company import Company
from simulators.intuit.currency import evened, money_in, money_of, posting
from simulators.intuit.dimensions import due_date
from simulators.intuit.faults import QboFault, business, duplicate_number, missing
from simulators.intuit.ledger import ZERO, Posting
from simulators.intuit.sales_lines import sales_lines, sales_tax

SHOWN_TYPE = {"Invoice": "Invoice", "CreditMemo": "Credit Memo", "JournalEntry": "Journal Entry", "Purchase": "Expense"}
_REFS = {
    "SalesTermRef": "Term",
    "ClassRef": "Class",
    "DepartmentRef": "Department",
    "PaymentMethodRef": "PaymentMethod",
    "DepositToAccountRef": "Account",
}


def build_sales(company: Company, entity: str, body: Json, old: Json | None) -> Json:
    """All fields of an invoice or credit memo from its writable ones. Raises QboFault."""
    if "CustomerRef" not in body:
        raise missing("CustomerRef")
    customer = company.resolve("Customer", body["CustomerRef"], "CustomerRef", "DisplayName")
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    found = {name: company.resolve(kind, body[name], name)["_ref"] for name, kind in _REFS.items() if name in body}
    if body.get("EmailStatus") == "NeedToSend" and not body.get("BillEmail"):
        raise missing("BillEmail")
    money = money_of(company, body, customer)
    lines = sales_lines(company, body, old)
    tax = sales_tax(company, body, lines)
    total = lines.subtotal - lines.discount + tax.total
    if total < ZERO:
        raise business("Transaction amount must be 0 or greater.")
    out = {
        **{name: value for name, value in body.items() if name != "ExchangeRate"},
        **found,
        "CustomerRef": customer["_ref"],
        "TxnDate": day,
        **money.fields(),
        **money.home_total(total),
        "Line": lines.rows,
        "TxnTaxDetail": tax.detail(),
        "TotalAmt": js(total),
        "ApplyTaxAfterDiscount": body.get("ApplyTaxAfterDiscount", False),
        "PrintStatus": body.get("PrintStatus", "NeedToPrint"),
        "EmailStatus": body.get("EmailStatus", "NotSet"),
        "CustomField": body.get("CustomField", []),
        "_income": lines.income,
        "_discount": (lines.discount_account, lines.discount),
    }
    if company.us:
        out.pop("GlobalTaxCalculation", None)
    if "BillAddr" not in out and "BillAddr" in customer:
        out["BillAddr"] = customer["BillAddr"]
    _number(company, entity, out, old)
    return out


def build_invoice(company: Company, body: Json, old: Json | None) -> Json:
    """An invoice: sales form plus due date and balance."""
    out = build_sales(company, "Invoice", body, old)
    out.setdefault("DueDate", due_date(company, out.get("SalesTermRef"), out["TxnDate"]))
    for name in ("AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"):
        out.setdefault(name, False)
    _same_customer(company, out, old)
    return out


def build_credit_memo(company: Company, body: Json, old: Json | None) -> Json:
    """A credit memo; its total cannot fall below what payments already use."""
    out = build_sales(company, "CreditMemo", body, old)
    if old is not None and company.applied_to(old["Id"]) > out["TotalAmt"]:
        raise business("The credit is already applied for more than the new amount.")
    _same_customer(company, out, old)
    return out


def sales_state(company: Company, entity: str, key: str, fields: Json) -> Json:
    """The computed fields that payments change: balance, remaining credit, links."""
    total, used = Decimal(fields["TotalAmt"]), company.applied_to(key)
    links = [{"TxnId": payment, "TxnType": "Payment"} for payment in company.applied[key]]
    out: Json = {"Balance": js(total - used), "LinkedTxn": links}
    if entity == "CreditMemo":
        out["RemainingCredit"] = out["Balance"]
    if company.multicurrency:
        money = money_in(company, fields)
        out["HomeBalance"] = js(money.home(total) - money.home(used))
    return out


def sales_postings(company: Company, fields: Json, sign: int) -> list[Posting]:
    """Receivable against income, discount and tax; `sign` -1 for a credit memo."""
    money, way = money_in(company, fields), Decimal(sign)
    account, discount = fields["_discount"]
    receivable = company.control_account("receivable", money.currency)
    customer = fields["CustomerRef"]["value"]
    out = [posting(company, money, receivable, way * fields["TotalAmt"], customer=customer)]
    out += [posting(company, money, income, -way * amount) for income, amount in fields["_income"]]
    if discount:
        out.append(posting(company, money, account, way * discount))
    tax = Decimal(fields["TxnTaxDetail"]["TotalTax"])
    if tax:
        out.append(posting(company, money, company.roles["tax"], -way * tax))
    return evened(company, out)


def check_open_period(company: Company, day: str) -> None:
    """Raises 6200 for a date on or before the closing date, 6210 when a password guards it."""
    closed = company.preference("AccountingInfoPrefs", "BookCloseDate")
    if not isinstance(closed, str) or day > closed:
        return
    detail = f"The account period has closed and the transaction date {day} is on or before {closed}."
    if company.closing_password:
        detail = f"The account period has closed and cannot be updated through the QBO Services API. {detail}"
        raise QboFault("6210", "Account Period Closed, Cannot Update Through Services API", detail)
    raise QboFault("6200", "Account Period Closed", detail)


def check_number(company: Company, entity: str, number: str, old: Json | None) -> None:
    """Raises 6140 when another document of the kind has the number and custom numbers are on."""
    if company.preference("SalesFormsPrefs", "CustomTxnNumbers") is not True:
        return
    for holder in company.tables[entity].find("DocNumber", number):
        if old is None or holder["Id"] != old["Id"]:
            raise duplicate_number(number, SHOWN_TYPE[entity], holder["Id"])


def _same_customer(company: Company, out: Json, old: Json | None) -> None:
    if old is not None and company.applied_to(old["Id"]) and old["CustomerRef"]["value"] != out["CustomerRef"]["value"]:
        raise business("The customer cannot be changed while payments are applied.")


def _number(company: Company, entity: str, out: Json, old: Json | None) -> None:
    number = out.get("DocNumber")
    if number is not None:
        check_number(company, entity, number, old)
    elif company.preference("SalesFormsPrefs", "CustomTxnNumbers") is not True:
        out["DocNumber"] = old["DocNumber"] if old and "DocNumber" in old else company.next_number()
