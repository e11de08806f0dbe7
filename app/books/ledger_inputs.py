"""What callers may say about journal entries and accounts. What must add up is in `ledger_checks`."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.books.account_types import AccountType
from app.books.inputs import MAX_LINES, Code, Day, Exact, Id, Input, Line, Name, Number, Prose, Reference, Word

Side = Annotated[Exact, Field(ge=0)]


class JournalLineIn(Input):
    """One side of an entry: `debit` or `credit`, above zero; a client where the account wants one."""

    account_code: Code
    debit: Side = Decimal(0)
    credit: Side = Decimal(0)
    description: Prose = ""
    client_id: Id | None = None
    client_ref: Reference | None = None
    tax_code: Word = ""
    tracking: Annotated[dict[Word, Line], Field(max_length=10)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_side(self) -> "JournalLineIn":
        if (self.debit > 0) == (self.credit > 0):
            raise PydanticCustomError("one_side", "Give either debit or credit, and more than zero.")
        return self


class JournalEntryIn(Input):
    """A journal entry to create or change; its lines are always given in full, and balance."""

    id: Id | None = None
    external_ref: Reference | None = None
    number: Number
    date: Day
    narration: Prose | None = None
    currency: Word = Field(examples=["USD"])
    lines: Annotated[list[JournalLineIn], Field(min_length=2, max_length=MAX_LINES)]
    status: Literal["draft", "approved", "posted"] | None = Field(
        None, description="`draft` for a new entry if absent. `posted` is pushed by itself."
    )


class AccountIn(Input):
    """An account of the firm's own chart, named by `id`, `external_ref` or else its `code`."""

    id: Id | None = None
    external_ref: Reference | None = None
    code: Code
    name: Name | None = Field(None, description="Required for a new account.")
    type: AccountType | None = Field(None, description="`class.subtype`; required for a new account.")
    parent_code: Word | None = None
    currency: Word | None = Field(None, examples=["USD"])
    description: Prose | None = None
    active: bool | None = None
