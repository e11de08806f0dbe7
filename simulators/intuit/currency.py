"""Currencies: what a transaction is in, and its postings in the home currency (reference 2.10 "Multicurrency")."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from simulators.core.http import Json
from simulators.core.money import js, q2
from simulators.intuit.company import CURRENCY_NAMES, Company
from simulators.intuit.faults import bad_value, business, missing
from simulators.intuit.ledger import ZERO, Posting

ONE = Decimal(1)
WRONG_ACCOUNT = "You need to select a different type of account for this transaction."


@dataclass(frozen=True)
class Money:
    """The currency of a transaction and its rate: home units for one unit of it."""

    currency: str
    rate: Decimal
    multi: bool

    def home(self, amount: Decimal) -> Decimal:
        """The amount in the home currency, to the cent."""
        return amount if self.rate == ONE else q2(amount * self.rate)

    def fields(self) -> Json:
        """CurrencyRef, and ExchangeRate where multicurrency is on."""
        ref = {"value": self.currency, "name": CURRENCY_NAMES[self.currency]}
        return {"CurrencyRef": ref} | ({"ExchangeRate": js(self.rate)} if self.multi else {})

    def home_total(self, total: Decimal) -> Json:
        """HomeTotalAmt where multicurrency is on."""
        return {"HomeTotalAmt": js(self.home(total))} if self.multi else {}


def money_of(company: Company, body: Json, party: Json | None = None) -> Money:
    """The currency and rate a body asks for. `party` is the customer or vendor it must fit.

    Without multicurrency anything but the home currency is refused (6000) and rates are ignored. With it CurrencyRef
    is required (2020), known (2220) and the party's own (6000); the rate defaults to the company's table.
    """
    given = body.get("CurrencyRef")
    if not company.multicurrency:
        return Money(company.currency_ref(given)["value"], ONE, multi=False)
    if given is None:
        raise missing("CurrencyRef")
    code = given["value"]
    if code not in CURRENCY_NAMES:
        raise bad_value("2220", "CurrencyRef", "currency code")
    if party is not None and party["CurrencyRef"]["value"] != code:
        raise business("The currency of the transaction must be that of the customer, vendor or account.")
    if code == company.currency:
        return Money(code, ONE, multi=True)
    rate = Decimal(body.get("ExchangeRate") or company.rates.get(code, ONE))
    if rate <= ZERO:
        raise business("The exchange rate must be greater than 0.")
    return Money(code, rate, multi=True)


def money_in(company: Company, row: Json) -> Money:
    """The currency and rate of a stored transaction."""
    return Money(row["CurrencyRef"]["value"], Decimal(row.get("ExchangeRate", 1)), company.multicurrency)


def posting(
    company: Company,
    money: Money,
    account: str,
    amount: Decimal,
    customer: str | None = None,
    vendor: str | None = None,
) -> Posting:
    """A side of an entry on an account of the home currency or of the transaction's. Raises 6000 on any other."""
    home = money.home(amount)
    own = company.tables["Account"].get(account)["CurrencyRef"]["value"]
    if own == company.currency:
        return Posting(account, home, customer, vendor)
    if own != money.currency:
        raise business("A transaction can only use accounts in the home currency and in its own.")
    return Posting(account, home, customer, vendor, foreign=amount)


def evened(company: Company, postings: Sequence[Posting]) -> list[Posting]:
    """The postings with what rounding and rates leave over on Exchange Gain or Loss."""
    rest = sum((p.amount for p in postings), ZERO)
    return [*postings, Posting(company.roles["exchange"], -rest)] if rest else list(postings)


def party_currency(company: Company, body: Json, old: Json | None) -> Json:
    """CurrencyRef of a customer, vendor or account: home unless chosen on create, and never changed (6000)."""
    given = body.get("CurrencyRef")
    if not company.multicurrency:
        return company.currency_ref(given)
    code = given["value"] if given else None
    if old is not None:
        if code not in (None, old["CurrencyRef"]["value"]):
            raise business("The currency cannot be changed once it is set.")
        return dict(old["CurrencyRef"])
    code = code or company.currency
    if code not in CURRENCY_NAMES:
        raise bad_value("2220", "CurrencyRef", "currency code")
    return {"value": code, "name": CURRENCY_NAMES[code]}
