"""Double-entry postings, derived from each document, with running totals per account.

Amounts are signed: debits positive, credits negative, in the organisation's base currency.
"""

from collections.abc import Iterable
from decimal import Decimal

from simulators.xero.model import ZERO

Entry = tuple[str, Decimal]


class Ledger:
    """Entries by source document. Posting a source again replaces what it had posted."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._balances: dict[str, Decimal] = {}

    def post(self, source: str, entries: Iterable[Entry]) -> None:
        """Replace the entries of one source. Raises ValueError when they do not balance."""
        fresh = [(account, amount) for account, amount in entries if amount]
        if sum((amount for _, amount in fresh), ZERO) != 0:
            raise ValueError(f"unbalanced posting for {source}: {fresh}")
        for account, amount in self._entries.pop(source, []):
            self._balances[account] -= amount
        for account, amount in fresh:
            self._balances[account] = self._balances.get(account, ZERO) + amount
        if fresh:
            self._entries[source] = fresh

    def balance(self, account_id: str) -> Decimal:
        """Debits minus credits of one account."""
        return self._balances.get(account_id, ZERO)

    def balances(self) -> dict[str, Decimal]:
        """All accounts that are not at zero."""
        return {account: amount for account, amount in self._balances.items() if amount}
