"""The tables of the sync engine: mappings, remote copies, runs, the write-ahead ledger and the webhook inbox."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Integer, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from app.db.base import SORTED, Json, Numbered, OfFirm, Table, empty, json_object, of_firm

PUBLIC_STATUS = """CASE WHEN state IN ('synced','unchanged','excluded','superseded') THEN 'synced'
 WHEN state IN ('error','conflict','parked') THEN 'error' ELSE 'pending' END"""
STATES = (
    "'pending','in_flight','waiting','unknown','synced','unchanged','excluded','superseded','error','conflict','parked'"
)
COUNTED = text("run_id IS NOT NULL")
OWED = text("state IN ('pending','in_flight','waiting','unknown')")


class MappingMixin(OfFirm):
    """Our record ↔ its external id in one company, and what has become of our last accepted change of it.

    `base_revision` is the revision of ours that the provider holds; `wanted` the operation that is owed. `troubled_…`
    remembers what a person was last needed for, also after it was mended.
    """

    connection_id: Mapped[int]
    external_id: Mapped[str | None]
    version: Mapped[str] = empty()
    state: Mapped[str] = mapped_column(server_default="pending")
    sync_status: Mapped[str] = mapped_column(Text, Computed(PUBLIC_STATUS, persisted=True))
    sync_error: Mapped[str] = empty()
    fault: Mapped[Json] = json_object()
    external_metadata: Mapped[Json] = json_object()
    wanted: Mapped[str] = mapped_column(server_default="create")
    base_revision: Mapped[int] = mapped_column(Integer, server_default="0")
    priority: Mapped[int] = mapped_column(Integer, server_default="30")
    next_due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    generation: Mapped[int] = mapped_column(Integer, server_default="1")
    run_id: Mapped[int | None]
    accepted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    synced_at: Mapped[datetime | None]
    troubled_code: Mapped[str] = empty()
    troubled_at: Mapped[datetime | None]


class CustomerSyncMapping(MappingMixin, Table):
    __tablename__ = "customer_sync_mappings"
    client_id: Mapped[int]
    base: Mapped[Json] = json_object()
    external_name: Mapped[str] = empty()
    __table_args__ = (
        UniqueConstraint("connection_id", "client_id"),
        UniqueConstraint("connection_id", "external_id"),
        of_firm("connection_id", "connections"),
        of_firm("client_id", "clients"),
        Index("ix_customer_sync_mappings_owed", "connection_id", "priority", "id", postgresql_where=OWED),
        Index("ix_customer_sync_mappings_run", "run_id", postgresql_where=COUNTED),
        CheckConstraint(f"state IN ({STATES})", name="state"),
    )


class InvoiceSyncMapping(MappingMixin, Table):
    __tablename__ = "invoice_sync_mappings"
    invoice_id: Mapped[int]
    external_number: Mapped[str] = empty()
    external_total: Mapped[Decimal | None]
    __table_args__ = (
        UniqueConstraint("connection_id", "invoice_id"),
        UniqueConstraint("connection_id", "external_id"),
        of_firm("connection_id", "connections"),
        of_firm("invoice_id", "invoices"),
        Index("ix_invoice_sync_mappings_owed", "connection_id", "priority", "id", postgresql_where=OWED),
        Index("ix_invoice_sync_mappings_run", "run_id", postgresql_where=COUNTED),
        CheckConstraint(f"state IN ({STATES})", name="state"),
    )


class CodeMapping(OfFirm):
    """Internal code → the provider's code or id, for a firm and provider, or for one connection only."""

    provider: Mapped[str]
    connection_id: Mapped[int | None]
    internal_code: Mapped[str] = mapped_column(SORTED)
    external_code: Mapped[str]
    external_name: Mapped[str] = empty()

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805  (SQLAlchemy hands over the class)
        """One target per code and place; a missing connection counts as a place."""
        return (
            UniqueConstraint(
                "firm_id", "provider", "connection_id", "internal_code", postgresql_nulls_not_distinct=True
            ),
            of_firm("connection_id", "connections"),
        )


class AccountMapping(CodeMapping, Table):
    __tablename__ = "account_mappings"


class TaxMapping(CodeMapping, Table):
    __tablename__ = "tax_mappings"


class ItemMapping(CodeMapping, Table):
    __tablename__ = "item_mappings"


class RemoteRecord(OfFirm, Table):
    """The last copy seen of what a provider holds: the base of every compare, match and reconciliation."""

    __tablename__ = "remote_records"
    connection_id: Mapped[int]
    kind: Mapped[str]
    external_id: Mapped[str]
    version: Mapped[str] = empty()
    record: Mapped[Json] = json_object()
    gone: Mapped[bool] = mapped_column(server_default=text("false"))
    dismissed: Mapped[bool] = mapped_column(server_default=text("false"))
    remote_updated_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "external_id"),
        of_firm("connection_id", "connections"),
    )


class SyncRun(OfFirm, Table):
    """One request for background work and its result. `action`: push, pull, check, refresh, disconnect."""

    __tablename__ = "sync_runs"
    connection_id: Mapped[int]
    action: Mapped[str]
    trigger: Mapped[str] = mapped_column(server_default="api")
    priority: Mapped[int] = mapped_column(Integer, server_default="30")
    state: Mapped[str] = mapped_column(server_default="queued")
    params: Mapped[Json] = json_object()
    counts: Mapped[Json] = json_object()
    error: Mapped[Json] = json_object()
    requested_by: Mapped[str] = empty()
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    next_due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        of_firm("connection_id", "connections"),
        Index(
            "ix_sync_runs_open",
            "connection_id",
            "priority",
            "id",
            postgresql_where=text("state IN ('queued','running')"),
        ),
        Index("ix_sync_runs_finished", "firm_id", "finished_at"),
        CheckConstraint("state IN ('queued','running','paused','done','failed','cancelled')", name="state"),
    )


class SyncCursor(OfFirm, Table):
    __tablename__ = "sync_cursors"
    connection_id: Mapped[int]
    kind: Mapped[str]
    cursor: Mapped[str | None]
    last_success_at: Mapped[datetime | None]
    # When the first list was begun, until what it lacks has been looked at.
    missing_due: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("connection_id", "kind"), of_firm("connection_id", "connections"))


class WriteCall(OfFirm, Table):
    """The write-ahead ledger: one HTTP request that writes, stored before it is sent and exactly as it is sent.

    `state`: sent (no answer stored yet), done (every outcome is definite), unknown (no trustworthy answer came).
    """

    __tablename__ = "write_calls"
    connection_id: Mapped[int]
    key: Mapped[str]
    kind: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    # Pairs, not objects: jsonb forgets the order of keys, and another order is another request to the vendor.
    query: Mapped[list[Any]]
    headers: Mapped[list[Any]]
    body: Mapped[bytes]
    epoch: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="sent")
    sends: Mapped[int] = mapped_column(Integer, server_default="1")
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("connection_id", "key"),
        of_firm("connection_id", "connections"),
        Index("ix_write_calls_open", "connection_id", "id", postgresql_where=text("state <> 'done'")),
        CheckConstraint("state IN ('sent','done','unknown')", name="state"),
    )


class WriteAttempt(OfFirm, Table):
    """One record within a write call, and what became of it: pending, written, refused, not_written or unknown.

    `record` is the canonical record as it was sent: what a look-up must find, whatever was edited here since.
    `answer` is what the provider said of it, shortened, for people to read; {} where no answer came.
    """

    __tablename__ = "write_attempts"
    call_id: Mapped[int]
    item_id: Mapped[str]
    mapping_kind: Mapped[str]
    mapping_id: Mapped[int]
    operation: Mapped[str]
    revision: Mapped[int] = mapped_column(Integer)
    record: Mapped[Json] = json_object()
    outcome: Mapped[str] = mapped_column(server_default="pending")
    external_id: Mapped[str] = empty()
    reason: Mapped[str] = empty()
    answer: Mapped[Json] = json_object()
    __table_args__ = (
        UniqueConstraint("call_id", "item_id"),
        of_firm("call_id", "write_calls", ondelete="CASCADE"),
        Index(None, "mapping_kind", "mapping_id"),
    )


class ApiBudget(Table):
    """Calls that all workers together made to a provider within one minute, for limits that count per application."""

    __tablename__ = "api_budgets"
    provider: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(Integer, server_default="0")


class WebhookDelivery(Numbered, Table):
    """One verified POST of a provider, byte for byte. It may speak of several firms, so it belongs to none."""

    __tablename__ = "webhook_deliveries"
    provider: Mapped[str]
    body: Mapped[bytes]
    events: Mapped[int] = mapped_column(Integer)


class WebhookEvent(Numbered, Table):
    """One event of a delivery: a hint to go and look. `firm_id` is set once the company is known to be connected."""

    __tablename__ = "webhook_events"
    firm_id: Mapped[int | None] = mapped_column(ForeignKey("firms.id", ondelete="CASCADE"))
    connection_id: Mapped[int | None]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"))
    provider: Mapped[str]
    event_key: Mapped[str]
    company_id: Mapped[str]
    kind: Mapped[str] = empty()
    external_id: Mapped[str] = empty()
    operation: Mapped[str] = empty()
    label: Mapped[str] = empty()
    occurred_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default="pending")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    duplicates: Mapped[int] = mapped_column(Integer, server_default="0")
    reason: Mapped[str] = empty()
    next_due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    handled_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("provider", "event_key"),
        of_firm("connection_id", "connections"),
        Index("ix_webhook_events_owed", "connection_id", "id", postgresql_where=text("state = 'pending'")),
        CheckConstraint("state IN ('pending','done','ignored','parked')", name="state"),
    )
