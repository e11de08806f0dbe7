"""What the sync routes take and answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from app.books.inputs import Day, Id, Reference
from app.edge.models import Answer
from app.edge.sync_answers import CustomerMappingAnswer, InvoiceMappingAnswer, RunAnswer

RecordId = Id


class SyncInvoice(BaseModel):
    """Which invoice: our id, or the caller's own reference."""

    model_config = ConfigDict(extra="forbid")
    invoice_id: RecordId | None = None
    invoice_ref: Reference | None = None

    @model_validator(mode="after")
    def _one(self) -> "SyncInvoice":
        if (self.invoice_id is None) == (self.invoice_ref is None):
            raise ValueError("Give either invoice_id or invoice_ref.")
        return self


class SyncCustomer(BaseModel):
    """Which client: our id, or the caller's own reference."""

    model_config = ConfigDict(extra="forbid")
    client_id: RecordId | None = None
    client_ref: Reference | None = None

    @model_validator(mode="after")
    def _one(self) -> "SyncCustomer":
        if (self.client_id is None) == (self.client_ref is None):
            raise ValueError("Give either client_id or client_ref.")
        return self


class SyncPayments(BaseModel):
    """Which days, both inclusive; without them everything since the last pull."""

    model_config = ConfigDict(extra="forbid")
    date_from: Day | None = None
    date_to: Day | None = None


PulledKind = Literal[
    "customer", "invoice", "payment", "journal_entry", "account", "item", "tax_rate", "bank_transaction"
]


class PullRange(SyncPayments):
    """Which days and which kinds; without kinds what was paid, and bank transactions."""

    kinds: Annotated[list[PulledKind], Field(min_length=1, max_length=8)] | None = None


class OwedFilter(BaseModel):
    """Which of the records whose home is this company. Dates are inclusive and do not concern customers."""

    model_config = ConfigDict(extra="forbid")
    date_from: Day | None = None
    date_to: Day | None = None
    status: Literal["approved", "partially_paid", "paid", "posted", "void", "active", "archived"] | None = None
    client_id: RecordId | None = None


class PushFilter(BaseModel):
    """What to push: records of one kind by id, or without ids everything owed at this company, or a part of it."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["customer", "invoice", "journal_entry"] | None = None
    ids: Annotated[list[RecordId], Field(max_length=10_000)] | None = None
    filter: OwedFilter | None = None

    @model_validator(mode="after")
    def _ids_need_a_kind(self) -> "PushFilter":
        if self.ids is not None and self.kind is None:
            raise ValueError("Give the kind of the ids.")
        if self.ids is not None and self.filter is not None:
            raise ValueError("Give either ids or a filter.")
        return self


def _form(body: object) -> str:
    return "#list" if isinstance(body, list) else "#filter"


# The tags begin with `#` so that the pointers of problems leave them out.
PushBody = Annotated[
    Annotated[list[RecordId], Tag("#list")] | Annotated[PushFilter, Tag("#filter")], Discriminator(_form)
]


class InvoiceSynced(Answer):
    """`success` is null while the run still goes on."""

    success: bool | None
    mapping: InvoiceMappingAnswer | None = None
    already_synced: bool = False
    run: RunAnswer | None = None


class CustomerSynced(Answer):
    """`success` is null while the run still goes on."""

    success: bool | None
    mapping: CustomerMappingAnswer | None = None
    already_synced: bool = False
    run: RunAnswer | None = None


class PaymentsSynced(Answer):
    """`payment_count`: payments applied or changed by this call; null while the run still goes on."""

    success: bool | None
    payment_count: int | None
    run: RunAnswer | None = None


class Pushed(Answer):
    """What a push has done so far; `run` tells whether it goes on."""

    message: str
    pushed: int
    errors: list[dict[str, Any]]
    run: RunAnswer


class Pulled(Answer):
    """What a pull has done so far; `run` tells whether it goes on."""

    message: str
    imported: int
    updated: int
    run: RunAnswer


class StatusAnswer(Answer):
    """Runs in progress; per connection and kind what is owed and since when; accepted changes by disposition.

    `success`: ratios and durations of the last thirty days. `webhooks`: what they brought, and what they missed.
    """

    runs: list[RunAnswer]
    owed: list[dict[str, Any]]
    dispositions: dict[str, Any]
    success: dict[str, Any]
    webhooks: dict[str, Any]
