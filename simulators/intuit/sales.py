"""Invoices and credit memos: lines, discount, tax, totals, numbers and postings (reference 3.3, 3.5, 2.10)."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import Company
from simulators.intuit.faults import NotSimulated, QboFault, bad_reference, business, duplicate_number, missing
from simulators.intuit.ledger import ZERO, Posting
from simulators.intuit.tax import Tax, TaxedLine, code_rates, global_tax, us_tax

SHOWN_TYPE = {"Invoice": "Invoice", "CreditMemo": "Credit Memo"}
_ABSENT_LISTS = ("SalesTermRef", "ClassRef", "DepartmentRef", "PaymentMethodRef")


@dataclass
class _Lines:
    """What the lines of a form come to."""

    rows: list[Json] = field(default_factory=list)
    taxed: list[TaxedLine] = field(default_factory=list)
    income: list[tuple[str, Decimal]] = field(default_factory=list)
    subtotal: Decimal = ZERO
    discount: Decimal = ZERO
    discount_account: str = ""


def build_sales(company: Company, entity: str, body: Json, old: Json | None) -> Json:
    """All fields of an invoice or credit memo from its writable ones. Raises QboFault."""
    customer = _customer(company, body)
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    for name in _ABSENT_LISTS:
        if name in body:
            raise bad_reference(name.removesuffix("Ref") + "s", body[name]["value"])
    if body.get("EmailStatus") == "NeedToSend" and not body.get("BillEmail"):
        raise missing("BillEmail")
    lines = _lines(company, body, old)
    tax = _tax(company, body, lines)
    total = lines.subtotal - lines.discount + tax.total
    if total < ZERO:
        raise business("Transaction amount must be 0 or greater.")
    out = {
        **body,
        "CustomerRef": customer["_ref"],
        "TxnDate": day,
        "CurrencyRef": company.currency_ref(body.get("CurrencyRef")),
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
    out.setdefault("DueDate", (date.fromisoformat(out["TxnDate"]) + timedelta(days=30)).isoformat())
    for name in ("AllowIPNPayment", "AllowOnlinePayment", "AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"):
        out.setdefault(name, False)
    if old is not None and company.applied_to(old["Id"]) and old["CustomerRef"]["value"] != out["CustomerRef"]["value"]:
        raise business("The customer cannot be changed while payments are applied.")
    return out


def build_credit_memo(company: Company, body: Json, old: Json | None) -> Json:
    """A credit memo; its total cannot fall below what payments already use."""
    out = build_sales(company, "CreditMemo", body, old)
    if old is not None and company.applied_to(old["Id"]) > out["TotalAmt"]:
        raise business("The credit is already applied for more than the new amount.")
    return out


def invoice_state(company: Company, key: str, total: Decimal) -> Json:
    """The computed fields that payments change."""
    links = [{"TxnId": payment, "TxnType": "Payment"} for payment in company.applied[key]]
    return {"Balance": js(total - company.applied_to(key)), "LinkedTxn": links}


def credit_state(company: Company, key: str, total: Decimal) -> Json:
    """Balance and RemainingCredit of a credit memo."""
    left = js(total - company.applied_to(key))
    links = [{"TxnId": payment, "TxnType": "Payment"} for payment in company.applied[key]]
    return {"Balance": left, "RemainingCredit": left, "LinkedTxn": links}


def sales_postings(company: Company, fields: Json, sign: int) -> list[Posting]:
    """Receivable against income, discount and tax; `sign` -1 for a credit memo."""
    customer = fields["CustomerRef"]["value"]
    account, discount = fields["_discount"]
    way = Decimal(sign)
    out = [Posting(company.roles["receivable"], way * fields["TotalAmt"], customer)]
    out += [Posting(income, -way * amount) for income, amount in fields["_income"]]
    if discount:
        out.append(Posting(account, way * discount))
    tax = Decimal(fields["TxnTaxDetail"]["TotalTax"])
    if tax:
        out.append(Posting(company.roles["tax"], -way * tax))
    return out


def check_open_period(company: Company, day: str) -> None:
    """Raises 6200 for a date on or before the closing date."""
    closed = company.preference("AccountingInfoPrefs", "BookCloseDate")
    if isinstance(closed, str) and day <= closed:
        detail = f"The account period has closed and the transaction date {day} is on or before {closed}."
        raise QboFault("6200", "Account Period Closed", detail)


def _customer(company: Company, body: Json) -> Json:
    if "CustomerRef" not in body:
        raise missing("CustomerRef")
    return company.resolve("Customer", body["CustomerRef"], "CustomerRef", "DisplayName")


def _number(company: Company, entity: str, out: Json, old: Json | None) -> None:
    custom = company.preference("SalesFormsPrefs", "CustomTxnNumbers") is True
    number = out.get("DocNumber")
    if number is None:
        if not custom:
            out["DocNumber"] = old["DocNumber"] if old and "DocNumber" in old else company.next_number()
        return
    if custom:
        for holder in company.tables[entity].find("DocNumber", number):
            if old is None or holder["Id"] != old["Id"]:
                raise duplicate_number(number, SHOWN_TYPE[entity], holder["Id"])


def _lines(company: Company, body: Json, old: Json | None) -> _Lines:
    if not body.get("Line"):
        raise missing("Line")
    known = {line["Id"] for line in (old or {}).get("Line", []) if "Id" in line}
    highest = max((int(key) for key in known if key.isdigit()), default=0)
    out = _Lines()
    discounts: list[Json] = []
    for line in body["Line"]:
        kind = line.get("DetailType")
        if kind is None:
            raise missing("Line.DetailType")
        if kind == "SubTotalLineDetail":
            continue
        if kind == "GroupLineDetail":
            raise NotSimulated("bundle lines (GroupLineDetail) are not simulated")
        if kind == "DiscountLineDetail":
            discounts.append(line)
            continue
        row = _item_line(company, line, out) if kind == "SalesItemLineDetail" else {**line, "DetailType": kind}
        if line.get("Id") not in known:
            highest += 1
            row["Id"] = str(highest)
        out.rows.append({**row, "LineNum": len(out.rows) + 1})
    if not out.rows:
        raise missing("Line")
    out.rows.append({"Amount": js(out.subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
    _discount(company, discounts, out)
    return out


def _item_line(company: Company, line: Json, out: _Lines) -> Json:
    detail = line.get("SalesItemLineDetail", {})
    if "Amount" not in line:
        raise missing("Line.Amount")
    if "ItemRef" not in detail:
        raise missing("SalesItemLineDetail.ItemRef")
    if detail["ItemRef"]["value"] == "SHIPPING_ITEM_ID":
        raise NotSimulated("shipping lines (SHIPPING_ITEM_ID) are not simulated")
    amount = q2(line["Amount"])
    _check_product(detail, amount)
    item = company.resolve("Item", detail["ItemRef"], "ItemRef")
    code = _line_code(company, detail)
    gross = detail.get("TaxInclusiveAmt")
    out.subtotal += amount
    out.taxed.append(TaxedLine(amount, code, q2(gross) if gross is not None else None))
    out.income.append((item["IncomeAccountRef"]["value"], amount))
    shown = {k: v for k, v in detail.items() if not (k in ("Qty", "UnitPrice") and v == 0 and amount)}
    shown |= {"ItemRef": item["_ref"], "TaxCodeRef": {"value": code}, "ItemAccountRef": item["IncomeAccountRef"]}
    return {**line, "Amount": js(amount), "SalesItemLineDetail": shown}


def _check_product(detail: Json, amount: Decimal) -> None:
    """6070. Zero quantity or price beside an amount is what one vendor client sends for "not given"."""
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if quantity is None or price is None or (amount and not quantity * price):
        return
    if q2(quantity * price) != amount:
        text = "Amount is not equal to UnitPrice * Qty"
        raise QboFault("6070", text, f"{text}. Supplied value:{js(amount)}", "Line.Amount")


def _line_code(company: Company, detail: Json) -> str:
    code: str | None = detail.get("TaxCodeRef", {}).get("value")
    if company.us:
        if code is not None and code not in ("TAX", "NON"):
            raise QboFault("6100", "Invalid TaxCode", f"Line TaxCodeRef must be TAX or NON, not {code}", "TaxCodeRef")
        return code or "NON"
    if code is None:
        raise business("Make sure all your transactions have a VAT rate before you save.")
    code_rates(company, code)
    return code


def _discount(company: Company, discounts: list[Json], out: _Lines) -> None:
    if not discounts:
        return
    if len(discounts) > 1 or company.preference("SalesFormsPrefs", "AllowDiscount") is not True:
        raise business("Only one discount line is allowed, and only when discounts are turned on.")
    line = discounts[0]
    detail = line.get("DiscountLineDetail", {})
    if detail.get("PercentBased"):
        if "DiscountPercent" not in detail:
            raise QboFault("6090", "Invalid Discount", "A discount line needs an amount or a percentage")
        out.discount = q2(out.subtotal * detail["DiscountPercent"] / 100)
    elif "Amount" in line:
        out.discount = q2(line["Amount"])
    else:
        raise QboFault("6090", "Invalid Discount", "A discount line needs an amount or a percentage")
    ref = detail.get("DiscountAccountRef") or {"value": company.roles["discount"]}
    account = company.resolve("Account", ref, "DiscountAccountRef")
    out.discount_account = ref["value"]
    shown = {"PercentBased": False, **detail, "DiscountAccountRef": account["_ref"]}
    out.rows.append({"Amount": js(out.discount), "DetailType": "DiscountLineDetail", "DiscountLineDetail": shown})


def _tax(company: Company, body: Json, lines: _Lines) -> Tax:
    kept = Decimal(1)
    if lines.discount and lines.subtotal and (body.get("ApplyTaxAfterDiscount") or not company.us):
        kept = (lines.subtotal - lines.discount) / lines.subtotal
    sent = body.get("TxnTaxDetail")
    if company.us:
        return us_tax(company, sent or {}, lines.taxed, kept)
    return global_tax(company, body.get("GlobalTaxCalculation"), sent, lines.taxed, kept)
