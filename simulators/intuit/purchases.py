"""Purchases (reference 3.10): expenses, checks and card charges, paid at once."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import Company
from simulators.intuit.currency import WRONG_ACCOUNT, Money, evened, money_of, posting
from simulators.intuit.faults import QboFault, business, missing
from simulators.intuit.ledger import ZERO, Posting
from simulators.intuit.parts import anyone, name_value, refs_of, subledger
from simulators.intuit.sales import check_open_period
from simulators.intuit.sales_lines import check_line_count, check_product, line_numbers
from simulators.intuit.tax import Tax, TaxedLine, global_tax

_PAID_FROM = {"Cash": ("Bank",), "Check": ("Bank",), "CreditCard": ("Credit Card",)}
# What the service tells the kinds of purchase apart by (observed).
_EX_TYPES = {"Check": "3", "Cash": "54", "CreditCard": "54"}
_KINDS = ("AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail")


def build_purchase(company: Company, body: Json, old: Json | None) -> Json:
    """All fields of a purchase, with its postings. Raises 2020, 2500, 610, 6000, 6070, 6100, 6170."""
    for name in ("PaymentType", "AccountRef", "Line"):
        if not body.get(name):
            raise missing(name)
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    paid_from = company.resolve("Account", body["AccountRef"], "AccountRef")
    if paid_from["AccountType"] not in _PAID_FROM[body["PaymentType"]]:
        raise business(WRONG_ACCOUNT)
    credit = body.get("Credit", False)
    if credit and body["PaymentType"] != "CreditCard":
        raise business("Only a credit card purchase can be a credit.")
    party = anyone(company, body["EntityRef"], "EntityRef") if "EntityRef" in body else None
    money = money_of(company, body)
    postings: list[Posting] = []
    rows, taxed = _lines(company, money, body, old, party, postings)
    tax = _tax(company, body, taxed)
    total = sum((Decimal(row.get("Amount", 0)) for row in rows), ZERO) + tax.total
    if total < ZERO:
        raise business("Transaction amount must be 0 or greater.")
    if tax.total:
        postings.append(posting(company, money, company.roles["tax"], tax.total))
    postings.append(posting(company, money, paid_from["Id"], -total))
    if credit:
        postings = [_turned(p) for p in postings]
    out = {
        **{name: value for name, value in body.items() if name != "ExchangeRate"},
        **refs_of(company, "DepartmentRef PaymentMethodRef", body),
        "AccountRef": paid_from["_ref"],
        "Credit": credit,
        "TxnDate": day,
        **money.fields(),
        **money.home_total(total),
        "Line": rows,
        "TxnTaxDetail": tax.detail() if tax.lines else {},
        "TotalAmt": js(total),
        "PrintStatus": body.get("PrintStatus", "NotSet"),
        "PurchaseEx": {"any": [name_value("TxnType", "11" if credit else _EX_TYPES[body["PaymentType"]])]},
        "_postings": evened(company, postings),
    }
    if party:
        out["EntityRef"] = {**party[1]["_ref"], "type": party[0]}
    if company.us:
        out.pop("GlobalTaxCalculation", None)
    return out


def _lines(
    company: Company, money: Money, body: Json, old: Json | None, party: tuple[str, Json] | None, out: list[Posting]
) -> tuple[list[Json], list[TaxedLine]]:
    check_line_count(len(body["Line"]), taxable=False)
    number = line_numbers(old, first=1)
    rows: list[Json] = []
    taxed: list[TaxedLine] = []
    for line in body["Line"]:
        kind = line.get("DetailType")
        if kind is None:
            raise missing("Line.DetailType")
        if kind not in _KINDS:
            rows.append({**line, "Id": number(line)})
            continue
        if "Amount" not in line:
            raise missing("Line.Amount")
        amount = q2(line["Amount"])
        detail = line.get(kind, {})
        account, shown = (_on_account if kind == _KINDS[0] else _on_item)(company, detail, amount)
        whom = subledger(money, account, party)
        out.append(posting(company, money, account["Id"], amount, **whom))
        code = _code(company, body, detail)
        if code is not None:
            shown["TaxCodeRef"] = {"value": code}
        if not company.us and body.get("GlobalTaxCalculation") != "NotApplicable":
            gross = detail.get("TaxInclusiveAmt")
            taxed.append(TaxedLine(amount, str(code), q2(gross) if gross is not None else None))
        rows.append({**line, "Id": number(line), "Amount": js(amount), kind: shown})
    if not any(row["DetailType"] in _KINDS for row in rows):
        raise missing("Line")
    return rows, taxed


def _on_account(company: Company, detail: Json, _amount: Decimal) -> tuple[Json, Json]:
    if "AccountRef" not in detail:
        raise missing("AccountRef")
    account = company.resolve("Account", detail["AccountRef"], "AccountRef")
    return account, {"BillableStatus": "NotBillable", **_tracked(company, detail), "AccountRef": account["_ref"]}


def _on_item(company: Company, detail: Json, amount: Decimal) -> tuple[Json, Json]:
    if "ItemRef" not in detail:
        raise missing("ItemRef")
    item = company.resolve("Item", detail["ItemRef"], "ItemRef")
    if "ExpenseAccountRef" not in item:
        raise business("The item has no expense account: it cannot be bought.")
    check_product(detail, amount)
    account = company.resolve("Account", item["ExpenseAccountRef"], "ExpenseAccountRef")
    shown = {"BillableStatus": "NotBillable", **_tracked(company, detail), "ItemRef": item["_ref"]}
    return account, shown | {"ItemAccountRef": account["_ref"]}


def _tracked(company: Company, detail: Json) -> Json:
    if detail.get("BillableStatus") == "Billable" and "CustomerRef" not in detail:
        raise business("A billable expense needs a customer.")
    return {**detail, **refs_of(company, "CustomerRef ClassRef", detail)}


def _code(company: Company, body: Json, detail: Json) -> str | None:
    """The tax code of a line. US purchases bear none but TAX or NON; elsewhere every line has one."""
    code: str | None = detail.get("TaxCodeRef", {}).get("value")
    if company.us:
        if code not in (None, "TAX", "NON"):
            raise QboFault("6100", "Invalid TaxCode", f"Line TaxCodeRef must be TAX or NON, not {code}", "TaxCodeRef")
        return code
    if code is None and body.get("GlobalTaxCalculation") != "NotApplicable":
        raise business("Make sure all your transactions have a VAT rate before you save.")
    return code


def _tax(company: Company, body: Json, taxed: list[TaxedLine]) -> Tax:
    if company.us:
        return Tax()
    sent = body.get("TxnTaxDetail")
    return global_tax(company, body.get("GlobalTaxCalculation"), sent, taxed, Decimal(1), side="Purchase")


def _turned(side: Posting) -> Posting:
    foreign = None if side.foreign is None else -side.foreign
    return Posting(side.account, -side.amount, side.customer, side.vendor, foreign)
