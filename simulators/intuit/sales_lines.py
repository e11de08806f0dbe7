"""The lines of sales forms: items, descriptions, one discount, and the tax on them (reference 2.10, 3.3)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import Company
from simulators.intuit.faults import NotSimulated, QboFault, business, missing
from simulators.intuit.ledger import ZERO
from simulators.intuit.parts import refs_of
from simulators.intuit.tax import Tax, TaxedLine, code_rates, global_tax, us_tax

MAX_TAXABLE_LINES = 750
MAX_LINES = 10_000


@dataclass
class SalesLines:
    """What the lines of a form come to."""

    rows: list[Json] = field(default_factory=list)
    taxed: list[TaxedLine] = field(default_factory=list)
    income: list[tuple[str, Decimal]] = field(default_factory=list)
    subtotal: Decimal = ZERO
    discount: Decimal = ZERO
    discount_account: str = ""


def sales_lines(company: Company, body: Json, old: Json | None) -> SalesLines:
    """The lines as stored, with their ids. Raises 2020, 6000, 6070, 6090, 6100, 2500 or NotSimulated."""
    if not body.get("Line"):
        raise missing("Line")
    number = line_numbers(old, first=1)
    out = SalesLines()
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
        out.rows.append({**row, "Id": number(line), "LineNum": len(out.rows) + 1})
    if not out.rows:
        raise missing("Line")
    check_line_count(len(out.rows), taxable=bool(out.taxed))
    out.rows.append({"Amount": js(out.subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}})
    _discount(company, discounts, out)
    return out


def check_line_count(lines: int, taxable: bool) -> None:
    """At most 10,000 lines, 750 on a taxable form (reference 2.3)."""
    if lines > (MAX_TAXABLE_LINES if taxable else MAX_LINES):
        raise business("The transaction has too many lines.")


def line_numbers(old: Json | None, first: int) -> Callable[[Json], str]:
    """How lines get their ids: one the document already has is kept, others continue after the highest."""
    known = {line["Id"] for line in (old or {}).get("Line", []) if "Id" in line}
    fresh = count(max((int(key) for key in known if key.isdigit()), default=first - 1) + 1)

    def number(line: Json) -> str:
        return str(line["Id"]) if line.get("Id") in known else str(next(fresh))

    return number


def _item_line(company: Company, line: Json, out: SalesLines) -> Json:
    detail = line.get("SalesItemLineDetail", {})
    if "Amount" not in line:
        raise missing("Line.Amount")
    if "ItemRef" not in detail:
        raise missing("SalesItemLineDetail.ItemRef")
    if detail["ItemRef"]["value"] == "SHIPPING_ITEM_ID":
        raise NotSimulated("shipping lines (SHIPPING_ITEM_ID) are not simulated")
    amount = q2(line["Amount"])
    check_product(detail, amount)
    item = company.resolve("Item", detail["ItemRef"], "ItemRef")
    code = line_code(company, detail)
    gross = detail.get("TaxInclusiveAmt")
    out.subtotal += amount
    out.taxed.append(TaxedLine(amount, code, q2(gross) if gross is not None else None))
    out.income.append((item["IncomeAccountRef"]["value"], amount))
    shown = {k: v for k, v in detail.items() if not (k in ("Qty", "UnitPrice") and v == 0 and amount)}
    shown |= refs_of(company, "ClassRef", detail)
    shown |= {"ItemRef": item["_ref"], "TaxCodeRef": {"value": code}, "ItemAccountRef": item["IncomeAccountRef"]}
    return {**line, "Amount": js(amount), "SalesItemLineDetail": shown}


def check_product(detail: Json, amount: Decimal) -> None:
    """6070. Zero quantity or price beside an amount is what one vendor client sends for "not given"."""
    quantity, price = detail.get("Qty"), detail.get("UnitPrice")
    if quantity is None or price is None or (amount and not quantity * price):
        return
    if q2(quantity * price) != amount:
        text = "Amount is not equal to UnitPrice * Qty"
        raise QboFault("6070", text, f"{text}. Supplied value:{js(amount)}", "Line.Amount")


def line_code(company: Company, detail: Json) -> str:
    code: str | None = detail.get("TaxCodeRef", {}).get("value")
    if company.us:
        if code is not None and code not in ("TAX", "NON"):
            raise QboFault("6100", "Invalid TaxCode", f"Line TaxCodeRef must be TAX or NON, not {code}", "TaxCodeRef")
        return code or "NON"
    if code is None:
        raise business("Make sure all your transactions have a VAT rate before you save.")
    code_rates(company, code)
    return code


def _discount(company: Company, discounts: list[Json], out: SalesLines) -> None:
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


def sales_tax(company: Company, body: Json, lines: SalesLines) -> Tax:
    kept = Decimal(1)
    if lines.discount and lines.subtotal and (body.get("ApplyTaxAfterDiscount") or not company.us):
        kept = (lines.subtotal - lines.discount) / lines.subtotal
    sent = body.get("TxnTaxDetail")
    if company.us:
        return us_tax(company, sent or {}, lines.taxed, kept)
    return global_tax(company, body.get("GlobalTaxCalculation"), sent, lines.taxed, kept)
