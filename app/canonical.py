"""The accounting vocabulary that providers, files and the sync engine share.

Frozen values, amounts as `Decimal`, business dates as `date`, moments as aware UTC `datetime`.
Nothing here knows a vendor, a table or a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum


class ProviderName(StrEnum):
    """The providers we speak to; `qbo` is an alias at the edge only."""

    quickbooks = "quickbooks"
    xero = "xero"


class Kind(StrEnum):
    """What a record is, in our words."""

    customer = "customer"
    invoice = "invoice"
    payment = "payment"
    journal_entry = "journal_entry"
    account = "account"
    item = "item"
    tax_rate = "tax_rate"
    bank_transaction = "bank_transaction"


class TaxMode(StrEnum):
    """Whether line amounts hold tax."""

    exclusive = "exclusive"
    inclusive = "inclusive"
    none = "none"


class Operation(StrEnum):
    """What a write asks for."""

    create = "create"
    update = "update"
    void = "void"
    deactivate = "deactivate"


# ISO 4217 currencies whose minor unit is not two digits. The rest have two.
MINOR_DIGITS: Mapping[str, int] = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_TWO_DIGIT_CURRENCIES = frozenset(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
        "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
        "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON "
        "RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD "
        "TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG "
    ).split()
)
_UNITS = {digits: Decimal(1).scaleb(-digits) for digits in {2, *MINOR_DIGITS.values()}}


def is_currency(code: str) -> bool:
    """Whether `code` is a currency of ISO 4217 in use."""
    return code in _TWO_DIGIT_CURRENCIES or code in MINOR_DIGITS


def minor_digits(currency: str) -> int:
    """How many decimals an amount of `currency` may have: `USD` 2, `JPY` 0, `KWD` 3."""
    return MINOR_DIGITS.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half up (away from zero) to the currency's minor unit, as both vendors do."""
    return amount.quantize(_UNITS[minor_digits(currency)], rounding=ROUND_HALF_UP)


def line_amount(quantity: Decimal, unit_price: Decimal, discount_percent: Decimal, currency: str) -> Decimal:
    """What a line comes to before tax (or with it, where prices include tax)."""
    return round_money(quantity * unit_price * (1 - discount_percent / 100 if discount_percent else 1), currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; empty strings where unknown."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A firm's client as a provider holds it. `reference` is our own id there, where the provider has room for one."""

    name: str
    reference: str = ""
    email: str = ""
    phone: str = ""
    company_name: str = ""
    currency: str = ""
    tax_number: str = ""
    billing_address: Address = field(default_factory=Address)
    notes: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line. `account`, `item` and `tax` are the provider's own codes or ids, resolved through the mappings."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax_amount: Decimal = Decimal(0)
    discount_percent: Decimal = Decimal(0)
    account: str = ""
    item: str = ""
    tax: str = ""
    service_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A sales invoice. `customer` is the provider's id of the customer; `reference` marks it as ours."""

    number: str
    customer: str
    issue_date: date
    due_date: date
    currency: str
    tax_mode: TaxMode
    lines: tuple[InvoiceLine, ...]
    subtotal: Decimal
    tax_total: Decimal
    total: Decimal
    reference: str = ""
    memo: str = ""
    private_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One side of a journal: exactly one of `debit` and `credit` is above zero.

    `account`, `customer` and `tax` are the provider's own codes or ids; `customer` only where the account wants one.
    """

    account: str
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    description: str = ""
    customer: str = ""
    tax: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A balanced general journal, in one currency. `reference` marks it as ours."""

    number: str
    on: date
    narration: str
    currency: str
    lines: tuple[JournalLine, ...]
    reference: str = ""

    @property
    def total(self) -> Decimal:
        """The sum of the debits, which is that of the credits."""
        return sum((line.debit for line in self.lines), Decimal(0))


class DocumentState(StrEnum):
    """What became of a document at the provider."""

    open = "open"
    paid = "paid"
    voided = "voided"
    deleted = "deleted"
    draft = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One amount set against an invoice. `source_kind`: payment, credit_note, overpayment or prepayment."""

    source_id: str
    invoice_id: str
    amount: Decimal
    on: date | None
    source_kind: str = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteCustomer:
    """A customer or contact as read from a provider."""

    external_id: str
    version: str
    name: str
    active: bool
    customer: Customer
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteInvoice:
    """An invoice as read from a provider.

    `settlements`: all that was set against it, or None where the provider tells that only with the payment.
    """

    external_id: str
    version: str
    number: str
    customer_id: str
    state: DocumentState
    currency: str
    total: Decimal
    tax_total: Decimal
    balance: Decimal
    issue_date: date | None
    fully_paid_on: date | None = None
    reference: str = ""
    settlements: tuple[Settlement, ...] | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePayment:
    """A payment as read from a provider: `amount` = what was set against documents + `unapplied`.

    A voided or deleted payment has `active` False and no settlements. `source_kind` as in `Settlement`; part of an
    overpayment may besides have been paid back.
    """

    external_id: str
    version: str
    customer_id: str
    on: date | None
    currency: str
    amount: Decimal
    unapplied: Decimal
    active: bool
    settlements: tuple[Settlement, ...]
    source_kind: str = "payment"
    reference: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteJournal:
    """A general journal as read from a provider; `total` is the sum of its debits."""

    external_id: str
    version: str
    number: str
    state: DocumentState
    on: date | None
    currency: str
    total: Decimal
    reference: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccount:
    """An account as read: `type` is our `class.subtype`, `code` what a mapping targets, `number` what people use."""

    external_id: str
    version: str
    code: str
    name: str
    type: str
    active: bool
    number: str = ""
    currency: str = ""
    parent_id: str = ""
    description: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteItem:
    """A product or service as read from a provider; `code` is what a mapping targets there."""

    external_id: str
    version: str
    code: str
    name: str
    active: bool
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTaxRate:
    """A tax code as read from a provider. `rate` in per cent, None where it depends on more than the code."""

    external_id: str
    version: str
    code: str
    name: str
    active: bool
    rate: Decimal | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """One line of a bank transaction; `account_id` is the provider's id or code of the other side."""

    amount: Decimal
    description: str = ""
    account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBankTransaction:
    """Money that moved on a bank account, as read from a provider.

    `type`: spend, receive or transfer. `bank_account_id` is where it moved (from, for a transfer); `to_account_id` only
    for transfers. `amount` is positive and, like `lines`, in `currency`.
    """

    external_id: str
    version: str
    type: str
    state: DocumentState
    on: date | None
    currency: str
    amount: Decimal
    bank_account_id: str = ""
    to_account_id: str = ""
    contact_id: str = ""
    contact_name: str = ""
    reference: str = ""
    lines: tuple[BankLine, ...] = ()
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A record that the provider says it has deleted; nothing else is known of it."""

    kind: Kind
    external_id: str
    updated_at: datetime | None = None


OwnRecord = Customer | Invoice | JournalEntry
RemoteCopy = (
    RemoteCustomer
    | RemoteInvoice
    | RemotePayment
    | RemoteJournal
    | RemoteAccount
    | RemoteItem
    | RemoteTaxRate
    | RemoteBankTransaction
)
RemoteRecord = RemoteCopy | Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One tick or cross of the readiness shown after connecting. `level`: ok, warning or problem."""

    code: str
    level: str
    message: str
    fix: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One set of books at a provider, with what decides how we may write to it.

    `facts` are the provider's own settings that its mapping needs (strings and booleans only, JSON-safe).
    """

    external_id: str
    name: str
    country: str
    currency: str
    multicurrency: bool
    lock_date: date | None
    facts: Mapping[str, str | bool]
    checks: tuple[Check, ...]
