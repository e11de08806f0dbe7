"""Whatever people and programs do, the books balance and balances equal the documents: over every posting entity."""

from collections.abc import Iterator
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core.clock import Clock
from simulators.core.money import q2
from simulators.intuit.aging import aged_receivables
from simulators.intuit.company import Company
from simulators.intuit.faults import QboFault
from simulators.intuit.ledger_view import ledger_view
from simulators.intuit.seeds import AU_REALM, US_REALM, seeded
from tests.simulators.intuit_actor import ACTS, Actor

# A sequence may well ask for what is refused; anything but these refusals is a fault of the simulator.
REFUSALS = {"6000", "6540", "620", "610", "2500"}
ZERO = Decimal(0)

amounts = st.decimals(min_value=1, max_value=500, places=2)
rates = st.decimals(min_value=Decimal("0.5"), max_value=Decimal(2), places=6)
picks = st.integers(min_value=0, max_value=7)
steps = st.lists(st.tuples(st.sampled_from(ACTS), picks, picks, amounts, rates), min_size=6, max_size=15)


def silent(*_: str) -> None:
    """Nobody listens."""


def run(company: Company, sequence: list[tuple[str, int, int, Decimal, Decimal]]) -> None:
    actor = Actor(company)
    for number in range(2):
        actor.do("invoice", number, 0, Decimal(100), Decimal("1.7"))
        actor.do("pay", number, 0, Decimal("60.50"), Decimal("1.6"))
    for act, first, second, amount, rate in sequence:
        try:
            actor.do(act, first, second, amount, rate)
        except QboFault as fault:
            if fault.code not in REFUSALS:
                raise
        check(company)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_books_balance_after_any_sequence(sequence: list[tuple[str, int, int, Decimal, Decimal]]) -> None:
    run(seeded(Clock(), silent)[US_REALM], sequence)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_books_in_two_currencies_balance_too(sequence: list[tuple[str, int, int, Decimal, Decimal]]) -> None:
    run(seeded(Clock(), silent)[AU_REALM], sequence)


def test_every_act_can_succeed() -> None:
    for realm in (US_REALM, AU_REALM):
        actor = Actor(seeded(Clock(), silent)[realm])
        for act in ("invoice", "credit"):
            for number in range(2):
                actor.do(act, number, 0, Decimal(100), Decimal("1.7"))
        # "apply" takes the first memo for the first invoice; the first payment is deposited, the second deleted.
        for act, first, second in (
            ("apply", 0, 0), ("pay", 1, 0), ("pay2", 0, 0), ("deposit", 2, 0), ("edit", 1, 0), ("rate", 1, 0),
            ("journal", 0, 0), ("receivable", 0, 0), ("payable", 0, 0), ("purchase", 0, 0), ("refund", 0, 0),
            ("bank", 0, 0), ("transfer", 1, 0), ("undo", 0, 0), ("void", 0, 1), ("void", 0, 0), ("delete", 3, 0),
            ("merge", 0, 0),
        ):  # fmt: skip
            if act == "delete":
                actor.do("pay", 1, 0, Decimal(5), Decimal("1.5"))
            actor.do(act, first, second, Decimal("10.01"), Decimal("1.612345"))
            check(actor.company)


def check(company: Company) -> None:
    view = ledger_view(company)
    trial = view["trial_balance"]
    assert sum(Decimal(r["debit"]) for r in trial) == sum(Decimal(r["credit"]) for r in trial)
    for row in view["invoices"]:
        assert 0 <= Decimal(row["balance"]) <= Decimal(row["total"])
    for row in view["payments"]:
        allocated = sum((Decimal(a["amount"]) for a in row["allocations"]), ZERO)
        used = sum(_used(company, row["id"]), ZERO)
        assert allocated - used + Decimal(row["unapplied"]) == Decimal(row["amount"])
    owed = _owed(company)
    for customer in view["customers"]:
        assert Decimal(customer["balance"]) == owed.get(customer["id"], ZERO), customer
    receivable = sum((Decimal(r["debit"]) - Decimal(r["credit"]) for r in trial if "A/R" in r["account"]), ZERO)
    assert Decimal(aged_receivables(company)["total"]) == receivable
    assert _undeposited(company) == company.ledger.balances().get(company.roles["undeposited"], ZERO)


def _used(company: Company, payment: str) -> list[Decimal]:
    """What a payment took from credit memos."""
    rows = company.tables["Payment"].rows[payment]["Line"]
    return [Decimal(r["Amount"]) for r in rows if r["LinkedTxn"][0]["TxnType"] == "CreditMemo"]


def _owed(company: Company) -> dict[str, Decimal]:
    """What each customer owes in his currency, added up from the documents alone."""
    owed: dict[str, Decimal] = {}

    def add(key: str, amount: Decimal | int) -> None:
        owed[key] = owed.get(key, ZERO) + amount

    tables = company.tables
    for entity, field, way in (("Invoice", "Balance", 1), ("CreditMemo", "RemainingCredit", -1)):
        for row in tables[entity].rows.values():
            add(row["CustomerRef"]["value"], way * Decimal(row[field]))
    for row in tables["Payment"].rows.values():
        add(row["CustomerRef"]["value"], -Decimal(row["UnappliedAmt"]))
    for key, amount in _receivable_lines(company):
        add(key, amount)
    return owed


def _receivable_lines(company: Company) -> Iterator[tuple[str, Decimal]]:
    """(customer, amount) of the lines on the receivable account in other documents."""
    tables = company.tables
    for row in tables["JournalEntry"].rows.values():
        for part in row["Line"]:
            detail = part["JournalEntryLineDetail"]
            if detail["AccountRef"]["value"] == "84":
                way = 1 if detail["PostingType"] == "Debit" else -1
                yield detail["Entity"]["EntityRef"]["value"], way * Decimal(part["Amount"])
    for row in tables["Purchase"].rows.values():
        for part in row["Line"]:
            if part["AccountBasedExpenseLineDetail"]["AccountRef"]["value"] == "84":
                yield row["EntityRef"]["value"], Decimal(part["Amount"])
    for row in tables["Deposit"].rows.values():
        for part in row["Line"]:
            detail = part.get("DepositLineDetail", {})
            if detail.get("AccountRef", {}).get("value") == "84":
                yield detail["Entity"]["value"], -Decimal(part["Amount"])


def _undeposited(company: Company) -> Decimal:
    """Payments that lie in no deposit, in the home currency."""
    waiting = (r for k, r in company.tables["Payment"].rows.items() if k not in company.deposited)
    return sum((q2(Decimal(r["TotalAmt"]) * Decimal(r.get("ExchangeRate", 1))) for r in waiting), ZERO)
