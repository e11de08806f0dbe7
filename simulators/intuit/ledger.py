"""Double-entry books of one company: every document's postings balance, so the trial balance does too.

Amounts are in the home currency; what an account or a party is owed in its own currency is kept beside them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Posting:
    """One side of an entry: debit positive, credit negative.

    `customer` or `vendor` marks receivable and payable sides; `foreign` is the amount in the account's own currency
    where that is not the home currency.
    """

    account: str
    amount: Decimal
    customer: str | None = None
    vendor: str | None = None
    foreign: Decimal | None = None

    @property
    def own(self) -> Decimal:
        """The amount in the account's currency."""
        return self.amount if self.foreign is None else self.foreign


class Ledger:
    """Postings by document, with running balances by account, customer and vendor."""

    def __init__(self, moved: Callable[[str, str], None] = lambda _kind, _key: None) -> None:
        # Told of every Customer and Vendor whose balance may have changed.
        self._moved = moved
        self._entries: dict[str, tuple[Posting, ...]] = {}
        self._accounts: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._own: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._customers: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._vendors: defaultdict[str, Decimal] = defaultdict(Decimal)

    def post(self, document: str, postings: Sequence[Posting]) -> None:
        """Replace a document's postings. Raises ValueError when debits differ from credits."""
        if sum((p.amount for p in postings), ZERO) != ZERO:
            raise ValueError(f"document {document} does not balance: {postings}")
        self._apply(self._entries.pop(document, ()), Decimal(-1))
        kept = tuple(p for p in postings if p.amount or p.own)
        self._apply(kept, Decimal(1))
        if kept:
            self._entries[document] = kept

    def unpost(self, document: str) -> None:
        """Take a document out of the books (void, delete)."""
        self.post(document, ())

    def postings(self, document: str) -> tuple[Posting, ...]:
        """What a document did to the books."""
        return self._entries.get(document, ())

    def entries(self) -> Iterator[tuple[str, tuple[Posting, ...]]]:
        """Every document with its postings."""
        return iter(self._entries.items())

    def merge(self, loser: str, winner: str) -> None:
        """One name takes over another's postings."""
        for document, postings in list(self._entries.items()):
            if any(loser in (p.customer, p.vendor) for p in postings):
                self.post(document, [_renamed(p, loser, winner) for p in postings])

    def account_balance(self, account: str) -> Decimal:
        """Debits minus credits, in the account's own currency."""
        return self._own.get(account, ZERO)

    def customer_balance(self, customer: str) -> Decimal:
        """What the customer owes, in his currency."""
        return self._customers.get(customer, ZERO)

    def vendor_balance(self, vendor: str) -> Decimal:
        """What the vendor is owed, in his currency."""
        return -self._vendors.get(vendor, ZERO)

    def balances(self) -> dict[str, Decimal]:
        """Debits minus credits of every account that moved, in the home currency."""
        return {account: amount for account, amount in self._accounts.items() if amount != ZERO}

    def _apply(self, postings: Sequence[Posting], sign: Decimal) -> None:
        for posting in postings:
            self._accounts[posting.account] += sign * posting.amount
            self._own[posting.account] += sign * posting.own
            if posting.customer is not None:
                self._customers[posting.customer] += sign * posting.own
                self._moved("Customer", posting.customer)
            if posting.vendor is not None:
                self._vendors[posting.vendor] += sign * posting.own
                self._moved("Vendor", posting.vendor)


def _renamed(posting: Posting, loser: str, winner: str) -> Posting:
    return replace(
        posting,
        customer=winner if posting.customer == loser else posting.customer,
        vendor=winner if posting.vendor == loser else posting.vendor,
    )
