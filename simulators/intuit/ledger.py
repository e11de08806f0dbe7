"""Double-entry books of one company: every document's postings balance, so the trial balance does too."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Posting:
    """One side of an entry: debit positive, credit negative; `customer` marks accounts receivable."""

    account: str
    amount: Decimal
    customer: str | None = None


class Ledger:
    """Postings by document, with running balances by account and by customer."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Posting, ...]] = {}
        self._accounts: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._customers: defaultdict[str, Decimal] = defaultdict(Decimal)

    def post(self, document: str, postings: Sequence[Posting]) -> None:
        """Replace a document's postings. Raises ValueError when debits differ from credits."""
        if sum((p.amount for p in postings), ZERO) != ZERO:
            raise ValueError(f"document {document} does not balance: {postings}")
        self._apply(self._entries.pop(document, ()), Decimal(-1))
        kept = tuple(p for p in postings if p.amount != ZERO)
        self._apply(kept, Decimal(1))
        if kept:
            self._entries[document] = kept

    def unpost(self, document: str) -> None:
        """Take a document out of the books (void, delete)."""
        self.post(document, ())

    def account_balance(self, account: str) -> Decimal:
        """Debits minus credits."""
        return self._accounts.get(account, ZERO)

    def customer_balance(self, customer: str) -> Decimal:
        """What the customer owes."""
        return self._customers.get(customer, ZERO)

    def balances(self) -> dict[str, Decimal]:
        """Debits minus credits of every account that moved."""
        return {account: amount for account, amount in self._accounts.items() if amount != ZERO}

    def _apply(self, postings: Sequence[Posting], sign: Decimal) -> None:
        for posting in postings:
            self._accounts[posting.account] += sign * posting.amount
            if posting.customer is not None:
                self._customers[posting.customer] += sign * posting.amount
