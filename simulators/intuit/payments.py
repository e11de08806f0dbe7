"""Payments: applying money to invoices and credit memos, and undoing it (reference 3.4, 2.9)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import Company
from simulators.intuit.currency import WRONG_ACCOUNT, evened, money_in, money_of, posting
from simulators.intuit.faults import NotSimulated, QboFault, business, missing, not_found
from simulators.intuit.ledger import ZERO, Posting
from simulators.intuit.parts import cannot_link, name_value, refs_of
from simulators.intuit.sales import check_open_period, sales_state

_DEPOSIT_TYPES = ("Bank", "Other Current Asset")
_OTHER_LINKS = ("JournalEntry", "Expense", "Check", "CreditCardCredit", "Deposit")
_LINKABLE = ("Invoice", "CreditMemo")


@dataclass(frozen=True)
class Link:
    """One payment line: so much on this document."""

    entity: str
    document: str
    amount: Decimal


def build_payment(company: Company, body: Json, old: Json | None) -> Json:
    """All fields of a payment from its writable ones. Raises QboFault."""
    if "CustomerRef" not in body:
        raise missing("CustomerRef")
    customer = company.resolve("Customer", body["CustomerRef"], "CustomerRef", "DisplayName")
    if "TotalAmt" not in body:
        raise business("You must set a transaction amount.")
    total = q2(body["TotalAmt"])
    if total < ZERO:
        raise business("Transaction amount must be 0 or greater.")
    day = body.get("TxnDate") or company.today()
    check_open_period(company, day)
    money = money_of(company, body, customer)
    account = _deposit_account(company, body)
    # Refuses a bank account in a third currency.
    posting(company, money, account["value"], total)
    links = _links(company, body, customer["Id"], old["Id"] if old else None)
    used = sum((link.amount if link.entity == "Invoice" else -link.amount for link in links), ZERO)
    if used > total:
        raise business("You can't apply more than the amount of the payment.")
    if used < ZERO:
        raise business("Credits cannot exceed the invoices they are applied to.")
    return {
        **{name: value for name, value in body.items() if name != "ExchangeRate"},
        **refs_of(company, "PaymentMethodRef", body),
        "CustomerRef": customer["_ref"],
        "TxnDate": day,
        **money.fields(),
        **money.home_total(total),
        "DepositToAccountRef": account,
        "TotalAmt": js(total),
        "UnappliedAmt": js(total - used),
        "ProcessPayment": False,
        "Line": [_shown(company, link) for link in links],
        "LinkedTxn": [],
    }


def settle_payment(company: Company, key: str, fields: Json, old: Json | None) -> None:
    """Apply a payment: links, balances of the documents it touches, postings. `old` is the row before the write."""
    shares: dict[str, Decimal] = {link.document: ZERO for link in links_of(old or {})}
    for link in links_of(fields):
        shares[link.document] = shares.get(link.document, ZERO) + link.amount
    for document, amount in shares.items():
        _set_share(company, document, key, amount)
    post_payment(company, key)
    _post_sharers(company, shares)


def post_payment(company: Company, key: str) -> None:
    """The postings of a stored payment: the bank at its own rate, receivables at those of what it is applied to."""
    row = company.tables["Payment"].get(key)
    money = money_in(company, row)
    receivable = company.control_account("receivable", money.currency)
    customer, unapplied = row["CustomerRef"]["value"], Decimal(row["UnappliedAmt"])
    out = [posting(company, money, row["DepositToAccountRef"]["value"], Decimal(row["TotalAmt"]))]
    foreign = money.currency != company.currency
    for link in _joined(links_of(row)):
        way = Decimal(-1 if link.entity == "Invoice" else 1)
        home = _home_share(company, link, key)
        out.append(Posting(receivable, way * home, customer, foreign=way * link.amount if foreign else None))
    out.append(posting(company, money, receivable, -unapplied, customer=customer))
    company.ledger.post(key, evened(company, out))


def check_not_deposited(company: Company, row: Json) -> None:
    """Raises 6540 for a payment that lies in a deposit."""
    if row["Id"] in company.deposited:
        detail = (
            "This transaction has been deposited. If you want to change or delete it, you must edit the deposit it "
            "appears on and remove it first."
        )
        raise QboFault("6540", "Deposited Transaction cannot be changed", detail)


def repost_sharers(company: Company, document: str) -> None:
    """A document got another exchange rate: what was paid on it is posted again."""
    _post_sharers(company, [document])


def _joined(links: Iterable[Link]) -> list[Link]:
    """One link per document."""
    sums: dict[tuple[str, str], Decimal] = {}
    for link in links:
        sums[link.entity, link.document] = sums.get((link.entity, link.document), ZERO) + link.amount
    return [Link(entity, document, amount) for (entity, document), amount in sums.items()]


def _post_sharers(company: Company, documents: Iterable[str]) -> None:
    """Post the payments of these documents again: with a rate, one share shifts the others' cents."""
    if not company.multicurrency:
        return
    for payment in {p: None for document in documents for p in company.applied[document]}:
        post_payment(company, payment)


def _home_share(company: Company, link: Link, payment: str) -> Decimal:
    """What a share of a document is in the home currency, at the document's rate; all shares add up exactly."""
    if not company.multicurrency:
        return link.amount
    money = money_in(company, company.tables[link.entity].get(link.document))
    before = ZERO
    for other, amount in company.applied[link.document].items():
        if other == payment:
            break
        before += amount
    return money.home(before + link.amount) - money.home(before)


def release(company: Company, payment: str) -> None:
    """Take a payment off everything it was applied to (void, delete)."""
    row = company.tables["Payment"].get(payment)
    links = links_of(row)
    for link in links:
        _set_share(company, link.document, payment, ZERO)
    company.ledger.unpost(payment)
    _post_sharers(company, [link.document for link in links])


def unlink_document(company: Company, document: str, keep: Decimal = ZERO) -> None:
    """Return money above `keep` from a document to its payments, the latest payment first."""
    excess = company.applied_to(document) - keep
    for payment in reversed(list(company.applied[document])):
        if excess <= ZERO:
            return
        back = min(excess, company.applied[document][payment])
        excess -= back
        left = company.applied[document][payment] - back
        company.applied[document].pop(payment)
        if left:
            company.applied[document][payment] = left
        _rewrite_payment(company, payment, document, left)


def links_of(fields: Json) -> list[Link]:
    """The links a payment row holds."""
    out = []
    for line in fields.get("Line", []):
        txn = line["LinkedTxn"][0]
        out.append(Link(txn["TxnType"], txn["TxnId"], Decimal(line["Amount"])))
    return out


def _links(company: Company, body: Json, customer: str, own: str | None) -> list[Link]:
    out: list[Link] = []
    for line in body.get("Line", []):
        linked = line.get("LinkedTxn", [])
        if len(linked) != 1 or "TxnId" not in linked[0] or "TxnType" not in linked[0]:
            raise missing("Line.LinkedTxn")
        if "Amount" not in line:
            raise missing("Line.Amount")
        link = Link(linked[0]["TxnType"], linked[0]["TxnId"], q2(line["Amount"]))
        _check_link(company, link, customer, own, out)
        if link.amount:
            out.append(link)
    return out


def _check_link(company: Company, link: Link, customer: str, own: str | None, earlier: list[Link]) -> None:
    if link.entity in _OTHER_LINKS:
        raise NotSimulated(f"payments linked to {link.entity} are not simulated")
    if link.entity not in _LINKABLE:
        raise cannot_link(f"Transaction type {link.entity} cannot be linked to a payment")
    row = company.tables[link.entity].rows.get(link.document)
    if row is None:
        raise not_found()
    if row["CustomerRef"]["value"] != customer:
        raise cannot_link("The transaction belongs to another customer")
    if link.amount < ZERO:
        raise business("The applied amount must be 0 or greater.")
    here = sum((other.amount for other in earlier if other.document == link.document), ZERO)
    free = Decimal(row["TotalAmt"]) - company.applied_to(link.document, own) - here
    if link.amount > free:
        raise business("The amount applied is greater than the open balance of the transaction.")


def _deposit_account(company: Company, body: Json) -> Json:
    if "DepositToAccountRef" not in body:
        return {"value": company.roles["undeposited"]}
    account = company.resolve("Account", body["DepositToAccountRef"], "DepositToAccountRef")
    if account["AccountType"] not in _DEPOSIT_TYPES:
        raise business(WRONG_ACCOUNT)
    ref: Json = account["_ref"]
    return ref


def _shown(company: Company, link: Link) -> Json:
    row = company.tables[link.entity].rows[link.document]
    values = {"txnId": link.document, "txnOpenBalance": str(row["Balance"]), "txnReferenceNumber": row.get("DocNumber")}
    extra = [name_value(name, value) for name, value in values.items() if value is not None]
    linked = {"TxnId": link.document, "TxnType": link.entity}
    return {"Amount": js(link.amount), "LinkedTxn": [linked], "LineEx": {"any": extra}}


def _set_share(company: Company, document: str, payment: str, amount: Decimal) -> None:
    shares = company.applied[document]
    if shares.get(payment, ZERO) == amount:
        return
    if amount:
        shares[payment] = amount
    else:
        shares.pop(payment, None)
    entity = "Invoice" if document in company.tables["Invoice"].rows else "CreditMemo"
    row = company.tables[entity].get(document)
    company.touch(entity, document, sales_state(company, entity, document, row))


def _rewrite_payment(company: Company, payment: str, document: str, left: Decimal) -> None:
    row = company.tables["Payment"].get(payment)
    lines = []
    freed = ZERO
    for line in row["Line"]:
        if line["LinkedTxn"][0]["TxnId"] == document:
            freed += Decimal(line["Amount"]) - left
            if not left:
                continue
            lines.append({**line, "Amount": js(left)})
        else:
            lines.append(line)
    company.touch("Payment", payment, {"Line": lines, "UnappliedAmt": js(Decimal(row["UnappliedAmt"]) + freed)})
    post_payment(company, payment)
