"""The parts of Intuit's JSON that we read or write. Every field may be absent, and unknown ones are ignored."""

from decimal import Decimal
from typing import TypedDict

Number = int | Decimal


class Ref(TypedDict, total=False):
    """A pointer to another record; only `value` counts when writing."""

    value: str
    name: str


class MetaData(TypedDict, total=False):
    """Times of a record, rounded to the second, with a Pacific offset."""

    CreateTime: str
    LastUpdatedTime: str


class Email(TypedDict, total=False):
    """An e-mail address."""

    Address: str


class Phone(TypedDict, total=False):
    """A telephone number as typed."""

    FreeFormNumber: str


class Memo(TypedDict, total=False):
    """The text a customer reads on the invoice."""

    value: str


class Address(TypedDict, total=False):
    """A postal address. `Country` may come back as a three-letter code."""

    Line1: str
    Line2: str
    City: str
    CountrySubDivisionCode: str
    PostalCode: str
    Country: str


class Customer(TypedDict, total=False):
    """A customer; also the shape in which vendors and employees are read, as far as their names go."""

    Id: str
    SyncToken: str
    sparse: bool
    status: str
    DisplayName: str
    FullyQualifiedName: str
    CompanyName: str
    PrimaryEmailAddr: Email
    PrimaryPhone: Phone
    BillAddr: Address
    Notes: str
    CurrencyRef: Ref
    Active: bool
    MetaData: MetaData


class SalesItemLineDetail(TypedDict, total=False):
    """What a sales line sells."""

    ItemRef: Ref
    Qty: Number
    UnitPrice: Number
    TaxCodeRef: Ref
    ServiceDate: str
    TaxInclusiveAmt: Number


class InvoiceLine(TypedDict, total=False):
    """A sales line. QuickBooks adds one of type SubTotalLineDetail at the end."""

    Id: str
    DetailType: str
    Amount: Number
    Description: str
    SalesItemLineDetail: SalesItemLineDetail


class TxnTaxDetail(TypedDict, total=False):
    """The tax of a whole document."""

    TotalTax: Number
    TxnTaxCodeRef: Ref


class Invoice(TypedDict, total=False):
    """A sales invoice."""

    Id: str
    SyncToken: str
    sparse: bool
    status: str
    DocNumber: str
    TxnDate: str
    DueDate: str
    CustomerRef: Ref
    CurrencyRef: Ref
    GlobalTaxCalculation: str
    Line: list[InvoiceLine]
    TxnTaxDetail: TxnTaxDetail
    CustomerMemo: Memo
    PrivateNote: str
    TotalAmt: Number
    Balance: Number
    MetaData: MetaData


class LinkedTxn(TypedDict, total=False):
    """The other end of a payment line; `TxnId` is an Id, never a document number."""

    TxnId: str
    TxnType: str


class PaymentLine(TypedDict, total=False):
    """One amount of a payment and what it was set against."""

    Amount: Number
    LinkedTxn: list[LinkedTxn]


class Payment(TypedDict, total=False):
    """A payment received, or the application of a credit when its total is 0."""

    Id: str
    SyncToken: str
    status: str
    CustomerRef: Ref
    CurrencyRef: Ref
    TxnDate: str
    PaymentRefNum: str
    TotalAmt: Number
    UnappliedAmt: Number
    PrivateNote: str
    Line: list[PaymentLine]
    MetaData: MetaData


class CompanyInfo(TypedDict, total=False):
    """Who the company is."""

    CompanyName: str
    LegalName: str
    Country: str


class AccountingInfoPrefs(TypedDict, total=False):
    """Bookkeeping settings; `BookCloseDate` is absent while no period is closed."""

    BookCloseDate: str


class SalesFormsPrefs(TypedDict, total=False):
    """Settings of sales forms."""

    CustomTxnNumbers: bool
    AllowDiscount: bool


class CurrencyPrefs(TypedDict, total=False):
    """Currency settings."""

    MultiCurrencyEnabled: bool
    HomeCurrency: Ref


class TaxPrefs(TypedDict, total=False):
    """Sales tax settings; `PartnerTaxEnabled` is Automated Sales Tax."""

    UsingSalesTax: bool
    PartnerTaxEnabled: bool


class Preferences(TypedDict, total=False):
    """The company's settings."""

    AccountingInfoPrefs: AccountingInfoPrefs
    SalesFormsPrefs: SalesFormsPrefs
    CurrencyPrefs: CurrencyPrefs
    TaxPrefs: TaxPrefs
