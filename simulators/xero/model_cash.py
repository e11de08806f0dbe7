"""Money that moves: payments, allocations of credit, bank transactions, transfers and manual journals."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from simulators.xero.model import ZERO, Line, SourceKind, Tracking

Day = date  # records have a field named date, which would hide the type
TargetKind = Literal["invoice", "creditnote", "overpayment", "prepayment"]


@dataclass(frozen=True)
class Credit:
    """An overpayment or prepayment; `account_id` is the bank account it went through.

    An overpayment stands on receivables (or payables) and has no lines of its own; a prepayment stands on the
    accounts and tax of its lines until it is used. `settled` is what was used so far in base currency, rounded
    part by part.
    """

    id: str
    kind: Literal["overpayment", "prepayment"]
    type: str
    contact_id: str
    date: Day
    total: Decimal
    currency: str
    account_id: str
    updated: datetime
    rate: Decimal = Decimal(1)
    status: str = "AUTHORISED"
    reference: str = ""
    amounts: str = "NoTax"
    lines: tuple[Line, ...] = ()
    tax: Decimal = ZERO
    allocated: Decimal = ZERO
    refunded: Decimal = ZERO
    settled: Decimal = ZERO

    @property
    def remaining(self) -> Decimal:
        """RemainingCredit."""
        return self.total - self.allocated - self.refunded

    @property
    def sale(self) -> bool:
        """Whether a customer paid it."""
        return self.type.startswith("RECEIVE")

    @property
    def live(self) -> bool:
        """Whether it stands in the ledger."""
        return self.status != "VOIDED"


@dataclass(frozen=True)
class Payment:
    """Money against one document. `target_kind` names what `target_id` is.

    `bank_amount` is in the currency of the bank account.
    """

    id: str
    type: str
    target_kind: TargetKind
    target_id: str
    account_id: str
    date: Day
    amount: Decimal
    bank_amount: Decimal
    updated: datetime
    rate: Decimal = Decimal(1)
    reference: str = ""
    status: str = "AUTHORISED"
    reconciled: bool = False


@dataclass(frozen=True)
class Allocation:
    """Part of a credit note, overpayment or prepayment used for an invoice."""

    id: str
    source_kind: SourceKind
    source_id: str
    invoice_id: str
    amount: Decimal
    date: Day


@dataclass(frozen=True)
class BankTransaction:
    """Money spent or received without an invoice. With a `credit_id` or `transfer_id` that record does the posting."""

    id: str
    type: str
    contact_id: str
    account_id: str
    date: Day
    currency: str
    updated: datetime
    rate: Decimal = Decimal(1)
    amounts: str = "Inclusive"
    lines: tuple[Line, ...] = ()
    subtotal: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal = ZERO
    status: str = "AUTHORISED"
    reference: str = ""
    url: str = ""
    reconciled: bool = False
    credit_id: str = ""
    transfer_id: str = ""

    @property
    def incoming(self) -> bool:
        """Whether money came in."""
        return self.type.startswith("RECEIVE")

    @property
    def posted(self) -> bool:
        """Whether it has postings of its own."""
        return self.status == "AUTHORISED" and not self.credit_id and not self.transfer_id


@dataclass(frozen=True)
class BankTransfer:
    """Money between two bank accounts; `rate` is that of the account it leaves."""

    id: str
    from_id: str
    to_id: str
    amount: Decimal
    date: Day
    created: datetime
    updated: datetime
    rate: Decimal = Decimal(1)
    from_transaction: str = ""
    to_transaction: str = ""
    reference: str = ""
    status: str = "AUTHORISED"
    from_reconciled: bool = False
    to_reconciled: bool = False


@dataclass(frozen=True)
class JournalLine:
    """One line of a manual journal: a debit is positive, a credit negative. `account_id` is "" in drafts only."""

    amount: Decimal
    account_id: str = ""
    description: str = ""
    tax_type: str = "NONE"
    tax: Decimal = ZERO
    tracking: Tracking = ()
    blank: bool = False


@dataclass(frozen=True)
class ManualJournal:
    """A journal entered by hand, always in base currency."""

    id: str
    narration: str
    date: Day
    updated: datetime
    lines: tuple[JournalLine, ...] = ()
    amounts: str = "NoTax"
    status: str = "DRAFT"
    url: str = ""
    cash_basis: bool = True
