"""Whatever people and programs do, the books balance and balances equal the documents."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core.clock import Clock
from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.entities import ENTITIES
from simulators.intuit.faults import QboFault
from simulators.intuit.ledger_view import ledger_view
from simulators.intuit.operations import delete, save, void
from simulators.intuit.seeds import US_REALM, seeded
from tests.simulators.intuit_client import line

amounts = st.decimals(min_value=1, max_value=500, places=2)
picks = st.integers(min_value=0, max_value=5)
steps = st.lists(
    st.tuples(st.sampled_from("invoice credit pay edit void delete".split()), picks, picks, amounts),
    min_size=6,
    max_size=30,
)


def silent(*_: str) -> None:
    """Nobody listens."""


def pick(company: Company, entity: str, number: int) -> Json | None:
    rows = list(company.tables[entity].rows.values())
    return rows[number % len(rows)] if rows else None


def step(company: Company, act: str, first: int, second: int, amount: Decimal) -> None:
    customer = {"CustomerRef": {"value": str(1 + first % 2)}}
    tax = {"TxnTaxDetail": {"TxnTaxCodeRef": {"value": "3"}}}
    form: Json = {**customer, "Line": [line(str(amount), "TAX"), line("1.01", "NON")], **tax}
    invoice, payment = pick(company, "Invoice", first), pick(company, "Payment", second)
    if act == "invoice":
        save(company, ENTITIES["Invoice"], form)
    elif act == "credit":
        save(company, ENTITIES["CreditMemo"], form)
    elif act == "pay" and invoice is not None:
        link = {"TxnId": invoice["Id"], "TxnType": "Invoice"}
        rows = [{"Amount": min(amount, Decimal(invoice["Balance"])), "LinkedTxn": [link]}]
        save(company, ENTITIES["Payment"], {"CustomerRef": invoice["CustomerRef"], "TotalAmt": amount, "Line": rows})
    elif act == "edit" and invoice is not None:
        identity = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"], "sparse": True}
        save(company, ENTITIES["Invoice"], {**identity, "Line": [line(str(amount), "TAX")]})
    elif act in ("void", "delete"):
        entity, row = ("Payment", payment) if second % 2 else ("Invoice", invoice)
        if row is not None:
            (void if act == "void" else delete)(company, ENTITIES[entity], row)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_books_balance_after_any_sequence(sequence: list[tuple[str, int, int, Decimal]]) -> None:
    company = seeded(Clock(), silent)[US_REALM]
    for number in range(2):
        step(company, "invoice", number, 0, Decimal(100))
        step(company, "pay", number, 0, Decimal("60.50"))
    for act, first, second, amount in sequence:
        try:
            step(company, act, first, second, amount)
        except QboFault as fault:
            if fault.code != "6000":
                raise
        check(company)


def check(company: Company) -> None:
    view = ledger_view(company)
    trial = view["trial_balance"]
    assert sum(Decimal(r["debit"]) for r in trial) == sum(Decimal(r["credit"]) for r in trial)
    owed: dict[str, Decimal] = {}
    for row in view["invoices"]:
        assert 0 <= Decimal(row["balance"]) <= Decimal(row["total"])
        owed[row["customer_id"]] = owed.get(row["customer_id"], Decimal(0)) + Decimal(row["balance"])
    for row in view["payments"]:
        allocated = sum((Decimal(a["amount"]) for a in row["allocations"]), Decimal(0))
        assert allocated + Decimal(row["unapplied"]) == Decimal(row["amount"])
        owed[row["customer_id"]] = owed.get(row["customer_id"], Decimal(0)) - Decimal(row["unapplied"])
    for memo in company.tables["CreditMemo"].rows.values():
        key = memo["CustomerRef"]["value"]
        owed[key] = owed.get(key, Decimal(0)) - Decimal(memo["RemainingCredit"])
    for customer in view["customers"]:
        assert Decimal(customer["balance"]) == owed.get(customer["id"], Decimal(0))
