"""The records of one organisation. All are frozen: a change is a new record saved over the old one.

Money is Decimal in the document's currency; ids are lower-case GUIDs; times are aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

ZERO = Decimal("0.00")
Day = date  # records have a field named date, which would hide the type

DocKind = Literal["invoice", "creditnote"]
Tracking = tuple[tuple[str, str], ...]
SourceKind = Literal["creditnote", "overpayment", "prepayment"]


@dataclass(frozen=True)
class Account:
    """An account of the chart. `system` is Xero's SystemAccount marker ("" for ordinary accounts)."""

    id: str
    code: str
    name: str
    type: str
    account_class: str
    updated: datetime
    tax_type: str = "NONE"
    system: str = ""
    payments: bool = False
    status: str = "ACTIVE"
    description: str = ""
    currency: str = ""
    bank_number: str = ""


@dataclass(frozen=True)
class TaxRate:
    """A tax type of the organisation; `applies` holds the account classes it may be used with.

    `rate` is the effective one; `components` are (name, rate, compound), empty for a single plain component.
    """

    id: str
    name: str
    rate: Decimal
    applies: frozenset[str]
    report_type: str
    status: str = "ACTIVE"
    components: tuple[tuple[str, Decimal, bool], ...] = ()


@dataclass(frozen=True)
class Item:
    """A product or service with the defaults of its sales and purchases side, keyed by wire name."""

    id: str
    code: str
    name: str
    updated: datetime
    description: str = ""
    purchase_description: str = ""
    sales: Mapping[str, object] = field(default_factory=dict)
    purchases: Mapping[str, object] = field(default_factory=dict)
    sold: bool = True
    purchased: bool = False


@dataclass(frozen=True)
class Contact:
    """A customer or supplier. `texts` holds the plain text fields by wire name."""

    id: str
    name: str
    updated: datetime
    number: str = ""
    status: str = "ACTIVE"
    texts: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    phones: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    persons: tuple[Mapping[str, object], ...] = ()
    is_customer: bool = False
    is_supplier: bool = False
    merged_into: str = ""


@dataclass(frozen=True)
class Line:
    """A document line. `amount` is the LineAmount (net or gross by LineAmountTypes); `tax` its tax, 2 places.

    `account_id` is "" for a line of text; `tracking` holds (category id, option id) pairs.
    """

    id: str
    description: str
    quantity: Decimal | None
    unit: Decimal | None
    amount: Decimal
    tax: Decimal
    tax_type: str = ""
    account_id: str = ""
    item_code: str = ""
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    tracking: Tracking = ()


@dataclass(frozen=True)
class Document:
    """An invoice, bill or credit note. `paid` and `credited` are kept in step with payments and allocations.

    For a credit note `paid` is what was refunded and `credited` what was allocated to invoices. `settled` is what
    of it left the control account so far, in base currency and rounded part by part. `app` is the client that
    created it, "" for a person.
    """

    id: str
    kind: DocKind
    type: str
    contact_id: str
    number: str
    status: str
    date: Day
    currency: str
    updated: datetime
    due: Day | None = None
    reference: str = ""
    amounts: str = "Exclusive"
    rate: Decimal = Decimal(1)
    lines: tuple[Line, ...] = ()
    url: str = ""
    sent: bool = False
    subtotal: Decimal = ZERO
    tax: Decimal = ZERO
    total: Decimal = ZERO
    paid: Decimal = ZERO
    credited: Decimal = ZERO
    fully_paid_on: Day | None = None
    expected_payment: Day | None = None
    planned_payment: Day | None = None
    settled: Decimal = ZERO
    app: str = ""

    @property
    def due_amount(self) -> Decimal:
        """What is still open: AmountDue of an invoice, RemainingCredit of a credit note."""
        return self.total - self.paid - self.credited

    @property
    def sale(self) -> bool:
        """Whether it belongs to receivables (ACCREC, ACCRECCREDIT)."""
        return self.type.startswith("ACCREC")

    @property
    def posted(self) -> bool:
        """Whether it stands in the ledger."""
        return self.status in ("AUTHORISED", "PAID")
