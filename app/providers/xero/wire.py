"""The JSON we send, as types. Nothing optional is ever sent as null: Xero takes that for a wrong value."""

from decimal import Decimal
from typing import TypedDict


class ContactRef(TypedDict):
    """A contact inside an invoice: its id alone, for any other field would change the contact."""

    ContactID: str


class LineItem(TypedDict, total=False):
    """One line of an invoice."""

    Description: str
    Quantity: Decimal
    UnitAmount: Decimal
    DiscountRate: Decimal
    AccountCode: str
    ItemCode: str
    TaxType: str
    TaxAmount: Decimal


class Invoice(TypedDict, total=False):
    """A sales invoice."""

    InvoiceID: str
    Type: str
    Status: str
    Contact: ContactRef
    Date: str
    DueDate: str
    InvoiceNumber: str
    Reference: str
    CurrencyCode: str
    LineAmountTypes: str
    LineItems: list[LineItem]


class Phone(TypedDict):
    """One of a contact's fixed telephone slots."""

    PhoneType: str
    PhoneCountryCode: str
    PhoneAreaCode: str
    PhoneNumber: str


class Address(TypedDict, total=False):
    """One of a contact's fixed address slots."""

    AddressType: str
    AddressLine1: str
    AddressLine2: str
    AddressLine3: str
    AddressLine4: str
    City: str
    Region: str
    PostalCode: str
    Country: str


class Contact(TypedDict, total=False):
    """A customer."""

    ContactID: str
    ContactNumber: str
    ContactStatus: str
    Name: str
    EmailAddress: str
    TaxNumber: str
    DefaultCurrency: str
    Phones: list[Phone]
    Addresses: list[Address]
