"""Deposits and transfers (reference 3.10): money between accounts, and payments taken to the bank."""

from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import Company
from simulators.intuit.currency import WRONG_ACCOUNT, Money, evened, money_in, money_of, posting
from simulators.intuit.faults import NotSimulated, business, missing, not_found
from simulators.intuit.ledger import ZERO, Posting
from simulators.intuit.parts import CONTROL, anyone, cannot_link, refs_of, subledger
from simulators.intuit.sales import check_open_period
from simulators.intuit.sales_lines import check_line_count, line_numbers

_DEPOSIT_TO = ("Bank", "Other Current Asset")
_OTHER_LINKS = ("SalesReceipt", "Transfer", "JournalEntry", "BillPayment", "RefundReceipt")


def build_deposit(company: Company, body: Json, old: Json | None) -> Json:
    """All fields of a deposit, with its postings. Raises 2020, 2500, 610, 620, 6000."""
    if "DepositToAccountRef" not in body:
        raise missing("DepositToAccountRef")
    if not body.get("Line"):
        raise missing("Line")
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    bank = company.resolve("Account", body["DepositToAccountRef"], "DepositToAccountRef")
    if bank["AccountType"] not in _DEPOSIT_TO:
        raise business(WRONG_ACCOUNT)
    check_line_count(len(body["Line"]), taxable=False)
    money = money_of(company, body)
    postings: list[Posting] = []
    number = line_numbers(old, first=1)
    rows = []
    linked: list[str] = []
    for line in body["Line"]:
        if line.get("LinkedTxn"):
            rows.append(_linked(company, money, line, old, linked, postings))
        else:
            rows.append({**_direct(company, money, line, postings), "Id": number(line)})
    total = sum((Decimal(row["Amount"]) for row in rows), ZERO)
    out = {**{name: value for name, value in body.items() if name not in ("ExchangeRate", "GlobalTaxCalculation")}}
    if "CashBack" in body:
        total -= _cash_back(company, money, out, postings)
    if total < ZERO:
        raise business("Transaction amount must be 0 or greater.")
    postings.append(posting(company, money, bank["Id"], total))
    return out | {
        **refs_of(company, "DepartmentRef", body),
        "DepositToAccountRef": bank["_ref"],
        "TxnDate": day,
        **money.fields(),
        **money.home_total(total),
        "Line": [{**row, "LineNum": place} for place, row in enumerate(rows, 1)],
        "TotalAmt": js(total),
        "_postings": evened(company, postings),
    }


def build_transfer(company: Company, body: Json, old: Json | None) -> Json:
    """All fields of a transfer, with its postings. Raises 2020, 2500, 610, 6000."""
    del old
    for name in ("FromAccountRef", "ToAccountRef", "Amount"):
        if name not in body:
            raise missing(name)
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    source = company.resolve("Account", body["FromAccountRef"], "FromAccountRef")
    target = company.resolve("Account", body["ToAccountRef"], "ToAccountRef")
    if source["Id"] == target["Id"]:
        raise business("The accounts of a transfer must be different.")
    for account in (source, target):
        if account["Classification"] not in ("Asset", "Liability", "Equity") or account["AccountType"] in CONTROL:
            raise business(WRONG_ACCOUNT)
    amount = q2(body["Amount"])
    if amount <= ZERO:
        raise business("You must set a transaction amount.")
    money = money_of(company, body)
    both = [posting(company, money, source["Id"], -amount), posting(company, money, target["Id"], amount)]
    return {
        **{name: value for name, value in body.items() if name not in ("ExchangeRate", "GlobalTaxCalculation")},
        **refs_of(company, "DepartmentRef ClassRef", body),
        "FromAccountRef": source["_ref"],
        "ToAccountRef": target["_ref"],
        "Amount": js(amount),
        "TxnDate": day,
        **money.fields(),
        "_postings": evened(company, both),
    }


def settle_deposit(company: Company, key: str, fields: Json, old: Json | None) -> None:
    """Tell the payments of a deposit that they lie in it, and those taken out that they no longer do."""
    before, after = _payments(old or {}), _payments(fields)
    for payment in [p for p in before if p not in after]:
        _mark(company, payment, None)
    for payment in [p for p in after if p not in before]:
        _mark(company, payment, key)


def release_deposit(company: Company, key: str) -> None:
    """A deposit goes away: its payments lie in undeposited funds again."""
    for payment in _payments(company.tables["Deposit"].get(key)):
        _mark(company, payment, None)


def _payments(fields: Json) -> list[str]:
    return [link["TxnId"] for line in fields.get("Line", []) for link in line.get("LinkedTxn", [])]


def _mark(company: Company, payment: str, deposit: str | None) -> None:
    if deposit is None:
        company.deposited.pop(payment, None)
        company.touch("Payment", payment, {"LinkedTxn": []})
    else:
        company.deposited[payment] = deposit
        company.touch("Payment", payment, {"LinkedTxn": [{"TxnId": deposit, "TxnType": "Deposit"}]})


def _linked(
    company: Company, money: Money, line: Json, old: Json | None, linked: list[str], out: list[Posting]
) -> Json:
    """A line that takes a payment out of undeposited funds. Such lines have no DetailType in answers."""
    link = line["LinkedTxn"][0]
    kind, key = link.get("TxnType"), link.get("TxnId")
    if len(line["LinkedTxn"]) != 1 or not kind or not key:
        raise missing("Line.LinkedTxn")
    if kind in _OTHER_LINKS:
        raise NotSimulated(f"deposits linked to {kind} are not simulated")
    if kind != "Payment":
        raise cannot_link(f"Transaction type {kind} cannot be linked to a deposit")
    row = company.tables["Payment"].rows.get(key)
    if row is None:
        raise not_found()
    own = old["Id"] if old else None
    if company.deposited.get(key) not in (None, own) or key in linked:
        raise cannot_link("The payment has been deposited already")
    if row["DepositToAccountRef"]["value"] != company.roles["undeposited"] or key in company.voided:
        raise cannot_link("The payment does not lie in Undeposited Funds")
    if row["CurrencyRef"]["value"] != money.currency:
        raise business("The currency of the deposit must be that of its payments.")
    amount = Decimal(row["TotalAmt"])
    if q2(line.get("Amount", amount)) != amount:
        raise business("A payment can only be deposited in full.")
    linked.append(key)
    out.append(posting(company, money_in(company, row), company.roles["undeposited"], -amount))
    shown = {"TxnId": key, "TxnType": kind, "TxnLineId": link.get("TxnLineId", "0")}
    return {"Amount": js(amount), "LinkedTxn": [shown]}


def _direct(company: Company, money: Money, line: Json, out: list[Posting]) -> Json:
    """A line that names the account the money comes from."""
    detail = line.get("DepositLineDetail", {})
    if "Amount" not in line:
        raise missing("Line.Amount")
    if line.get("DetailType") is None:
        raise missing("Line.DetailType")
    if "AccountRef" not in detail:
        raise missing("AccountRef")
    account = company.resolve("Account", detail["AccountRef"], "AccountRef")
    amount = q2(line["Amount"])
    shown = {**detail, **refs_of(company, "ClassRef PaymentMethodRef", detail), "AccountRef": account["_ref"]}
    party = None
    if "Entity" in detail:
        party = anyone(company, detail["Entity"], "Entity")
        shown["Entity"] = {**party[1]["_ref"], "type": party[0].upper()}
    out.append(posting(company, money, account["Id"], -amount, **subledger(money, account, party)))
    kept = {name: value for name, value in line.items() if name != "LinkedTxn"}
    return {**kept, "Amount": js(amount), "DepositLineDetail": shown}


def _cash_back(company: Company, money: Money, out: Json, postings: list[Posting]) -> Decimal:
    given = out["CashBack"]
    if "Amount" not in given or "AccountRef" not in given:
        raise missing("CashBack.Amount" if "Amount" not in given else "CashBack.AccountRef")
    amount = q2(given["Amount"])
    if amount < ZERO:
        raise business("Cash back cannot be negative.")
    account = company.resolve("Account", given["AccountRef"], "CashBack.AccountRef")
    postings.append(posting(company, money, account["Id"], amount, **subledger(money, account, None)))
    out["CashBack"] = {**given, "AccountRef": account["_ref"], "Amount": js(amount)}
    return amount
