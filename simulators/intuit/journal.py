"""Journal entries (reference 3.6): balanced by PostingType, with names on receivable and payable lines."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import Company
from simulators.intuit.currency import Money, evened, money_of, posting
from simulators.intuit.faults import NotSimulated, QboFault, business, missing
from simulators.intuit.ledger import ZERO, Posting
from simulators.intuit.parts import CONTROL, person, refs_of, subledger
from simulators.intuit.sales import check_number, check_open_period
from simulators.intuit.sales_lines import check_line_count, line_numbers

_DEBIT, _CREDIT = "Debit", "Credit"


def build_journal_entry(company: Company, body: Json, old: Json | None) -> Json:
    """All fields of a journal entry, with its postings. Raises 2250, 2260, 2290, 2300, 2020, 2500, 6000 and more."""
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    if not body.get("Line"):
        raise QboFault("2250", "Missing lines", "A journal entry needs lines", "Line")
    check_line_count(len(body["Line"]), taxable=False)
    money = money_of(company, body)
    postings: list[Posting] = []
    number = line_numbers(old, first=0)
    rows = [{**_line(company, money, line, postings), "Id": number(line)} for line in body["Line"]]
    _check_balance(rows)
    _check_control_accounts(company, rows)
    out = {
        **{name: value for name, value in body.items() if name not in ("ExchangeRate", "GlobalTaxCalculation")},
        "TxnDate": day,
        **money.fields(),
        "Adjustment": body.get("Adjustment", False),
        "Line": rows,
        "TxnTaxDetail": {},
        "TotalAmt": 0,
        "_postings": evened(company, postings),
    }
    if company.multicurrency:
        out["HomeTotalAmt"] = 0
    if "DocNumber" in out:
        check_number(company, "JournalEntry", out["DocNumber"], old)
    return out


def _line(company: Company, money: Money, line: Json, postings: list[Posting]) -> Json:
    kind = line.get("DetailType")
    if kind is None:
        raise missing("Line.DetailType")
    if kind == "DescriptionOnly":
        return {**line, "CustomExtensions": []}
    detail = line.get("JournalEntryLineDetail", {})
    side = detail.get("PostingType")
    if side not in (_DEBIT, _CREDIT):
        raise QboFault("2260", "Invalid PostingType", "PostingType must be Debit or Credit", "PostingType")
    if "AccountRef" not in detail:
        raise missing("AccountRef")
    if "Amount" not in line:
        raise missing("Line.Amount")
    if line["Amount"] < ZERO:
        raise QboFault("2290", "Negative amount", "The amount of a journal line cannot be negative", "Line.Amount")
    _refuse_tax(detail)
    account = company.resolve("Account", detail["AccountRef"], "AccountRef")
    amount = q2(line["Amount"])
    shown: Json = {"PostingType": side, "AccountRef": account["_ref"]}
    shown |= refs_of(company, "ClassRef DepartmentRef", detail)
    if "BillableStatus" in detail:
        shown["BillableStatus"] = detail["BillableStatus"]
    party = _party(company, detail.get("Entity"))
    if party:
        shown["Entity"] = {"Type": party[0], "EntityRef": party[1]["_ref"]}
    whom = subledger(money, account, party)
    signed = amount if side == _DEBIT else -amount
    postings.append(posting(company, money, account["Id"], signed, **whom))
    return {**line, "Amount": js(amount), "JournalEntryLineDetail": shown, "CustomExtensions": []}


def _refuse_tax(detail: Json) -> None:
    """Tax on a journal line needs TaxApplicableOn and TaxAmount; beyond that it is not simulated.

    Clients send TaxApplicableOn and a zero TaxAmount on every line: without a code they say nothing.
    """
    if "TaxCodeRef" not in detail:
        return
    if "TaxApplicableOn" not in detail:
        raise QboFault("2270", "Missing TaxApplicableOn", "A line with a tax code needs TaxApplicableOn")
    if "TaxAmount" not in detail:
        raise QboFault("2280", "Missing TaxAmount", "A line with a tax code needs TaxAmount")
    raise NotSimulated("tax on journal entry lines is not simulated")


def _party(company: Company, entity: Json | None) -> tuple[str, Json] | None:
    """(kind, row) of the name on a line."""
    if not entity or "EntityRef" not in entity:
        return None
    if "Type" not in entity:
        raise missing("Entity.Type")
    return entity["Type"], person(company, entity["Type"], entity["EntityRef"], "EntityRef")


def _check_balance(rows: list[Json]) -> None:
    totals = {_DEBIT: ZERO, _CREDIT: ZERO}
    seen: set[str] = set()
    for row in rows:
        if row["DetailType"] == "JournalEntryLineDetail":
            side = row["JournalEntryLineDetail"]["PostingType"]
            seen.add(side)
            totals[side] += Decimal(row["Amount"])
    if len(seen) < 2 or totals[_DEBIT] != totals[_CREDIT]:
        detail = f"Debits {js(totals[_DEBIT])} and credits {js(totals[_CREDIT])} of the journal entry differ"
        raise QboFault("2300", "Debits and credits must be equal", detail)


def _check_control_accounts(company: Company, rows: list[Json]) -> None:
    kinds = set()
    for row in rows:
        if row["DetailType"] == "JournalEntryLineDetail":
            account = company.tables["Account"].get(row["JournalEntryLineDetail"]["AccountRef"]["value"])
            kinds.add(account["AccountType"])
    if set(CONTROL) <= kinds:
        raise business("A journal entry can use Accounts Receivable or Accounts Payable, not both.")
