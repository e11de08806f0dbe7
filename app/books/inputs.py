"""What callers may say about clients and invoices. Types and lengths only; what must add up is in `checks`.

An upsert names its record by `id` or `external_ref`; optional fields that are not sent stay as they are on a known one.
"""

import re
from datetime import date
from decimal import Decimal, localcontext
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.canonical import TaxMode, line_amount

MAX_ITEMS = 1000
MAX_LINES = 500
MAX_AMOUNT = Decimal(10) ** 13
_EXACT_DIGITS = 60  # quantity × price × discount have up to 47 digits; rounding must happen once, at the end
_NUMBER = re.compile(r"-?\d{1,13}(\.\d{1,18})?", re.ASCII)
_DAY = re.compile(r"(19|20|21)\d\d-\d\d-\d\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _exact(value: object) -> Decimal:
    """A decimal from a JSON number (read as Decimal, never float) or a plain string of digits."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_AMOUNT:
        return Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 13 and _digits(value) <= 18:
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise PydanticCustomError("not_a_number", "Write a plain decimal number of at most 13 digits before the point.")


def _digits(value: Decimal) -> int:
    text = str(value)
    if "E" not in text:
        return len(text.partition(".")[2])
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def decimals(value: Decimal) -> int:
    """How many decimals a number really has: `1.50` has one."""
    return max(0, _digits(value.normalize()))


def finer(value: Decimal, allowed: int) -> bool:
    """Whether a number really has more decimals than are allowed."""
    return _digits(value) > allowed and decimals(value) > allowed


def _six(value: Decimal) -> Decimal:
    if finer(value, 6):
        raise PydanticCustomError("too_many_decimals", "At most 6 decimals are kept here.")
    return value


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control_characters", "Control characters cannot be stored.")
    return value


def _day(value: object) -> object:
    """Pydantic alone would take a number for seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise PydanticCustomError("not_a_date", "Write the date as YYYY-MM-DD.")


def _whole(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("not_an_id", "Write the id as a whole number.")
    return value


def _filled(value: str) -> str:
    if not value:
        raise PydanticCustomError("missing", "This cannot be empty.")
    return value


Exact = Annotated[Decimal, BeforeValidator(_exact, json_schema_input_type=str | int), Field(examples=["120.00"])]
Fine = Annotated[Exact, AfterValidator(_six)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), AfterValidator(_printable)]
Code = Annotated[Word, AfterValidator(_filled)]
Name = Annotated[Line, AfterValidator(_filled)]
Prose = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_printable)]
Opaque = Annotated[str, StringConstraints(max_length=500), AfterValidator(_printable)]
"""Text of the caller's own that we keep and hand back as it came."""
Reference = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_printable)]
Id = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int | str), Field(ge=1, le=2**63 - 1)]
Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Number = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), AfterValidator(_printable)
]


class Input(BaseModel):
    """Base: an unknown field is a mistake, not something to ignore; null means empty, for every optional field."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AddressIn(Input):
    """A postal address; all parts optional."""

    line1: Line = ""
    line2: Line = ""
    city: Line = ""
    region: Line = ""
    postal_code: Word = ""
    country: Word = ""


class ClientIn(Input):
    """A client to create or change. `connection_id` is its home: where it and its invoices are pushed by themselves."""

    id: Id | None = None
    external_ref: Reference | None = None
    name: Name | None = Field(None, description="Required for a new client.")
    email: Line | None = None
    phone: Word | None = None
    company_name: Line | None = None
    currency: Word | None = Field(None, examples=["USD"])
    tax_number: Word | None = None
    billing_address: AddressIn | None = None
    notes: Prose | None = None
    active: bool | None = None
    connection_id: Id | None = None


class LineIn(Input):
    """One line. `amount` is checked, or computed when absent; it holds tax where `tax_mode` is inclusive."""

    description: Prose = ""
    quantity: Fine = Decimal(1)
    unit_price: Fine
    amount: Exact | None = None
    account_code: Word = ""
    item_code: Word = ""
    tax_code: Word = ""
    tax_amount: Exact = Decimal(0)
    discount_percent: Annotated[Fine, Field(ge=0, le=100)] = Decimal(0)
    service_date: Day | None = None
    tracking: Annotated[dict[Word, Line], Field(max_length=10)] = Field(default_factory=dict)


class InvoiceIn(Input):
    """An invoice to create or change; its lines and sums are always given in full."""

    id: Id | None = None
    external_ref: Reference | None = None
    number: Number
    client_id: Id | None = None
    client_ref: Reference | None = None
    issue_date: Day
    due_date: Day
    currency: Word = Field(examples=["USD"])
    tax_mode: TaxMode = TaxMode.exclusive
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)]
    memo: Prose | None = None
    private_note: Prose | None = None
    subtotal: Exact
    tax_total: Exact
    total: Exact
    status: Literal["draft", "approved"] | None = Field(None, description="`draft` for a new invoice if absent.")

    @cached_property
    def amounts(self) -> tuple[Decimal, ...]:
        """What each line comes to: quantity × unit price less discount, rounded half up to the minor unit."""
        with localcontext(prec=_EXACT_DIGITS):
            return tuple(
                line_amount(line.quantity, line.unit_price, line.discount_percent, self.currency) for line in self.lines
            )

    @model_validator(mode="after")
    def _says_whose(self) -> "InvoiceIn":
        if self.client_id is None and self.client_ref is None:
            raise PydanticCustomError("client_missing", "Say whose invoice it is, by client_id or client_ref.")
        return self
