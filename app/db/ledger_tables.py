"""The firm's general ledger as far as it is ours: journal entries, the chart of accounts; and bank lines as pulled."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import SORTED, Json, OfFirm, Table, empty, json_object, of_firm
from app.db.sync_tables import COUNTED, OWED, STATES, MappingMixin


class JournalEntry(OfFirm, Table):
    """A balanced general journal; `total` is the sum of its debits, which is that of its credits."""

    __tablename__ = "journal_entries"
    external_ref: Mapped[str | None] = mapped_column(SORTED)
    number: Mapped[str] = mapped_column(SORTED)
    entry_date: Mapped[date]
    narration: Mapped[str] = empty()
    currency: Mapped[str]
    total: Mapped[Decimal]
    status: Mapped[str]
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("firm_id", "external_ref"),
        UniqueConstraint("firm_id", "number"),
        Index(None, "firm_id", "entry_date"),
        CheckConstraint("status IN ('draft','approved','posted','void')", name="status"),
    )


class JournalLine(OfFirm, Table):
    """One side of an entry: exactly one of `debit` and `credit` is above zero."""

    __tablename__ = "journal_lines"
    journal_entry_id: Mapped[int]
    position: Mapped[int] = mapped_column(Integer)
    account_code: Mapped[str]
    debit: Mapped[Decimal] = mapped_column(server_default="0")
    credit: Mapped[Decimal] = mapped_column(server_default="0")
    description: Mapped[str] = empty()
    client_id: Mapped[int | None]
    tax_code: Mapped[str] = empty()
    tracking: Mapped[Json] = json_object()
    __table_args__ = (
        UniqueConstraint("firm_id", "journal_entry_id", "position"),
        of_firm("journal_entry_id", "journal_entries", ondelete="CASCADE"),
        of_firm("client_id", "clients"),
        CheckConstraint("debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0)", name="one_side"),
    )


class Account(OfFirm, Table):
    """An account of the firm's own chart. `type` is our `class.subtype`."""

    __tablename__ = "accounts"
    external_ref: Mapped[str | None] = mapped_column(SORTED)
    code: Mapped[str] = mapped_column(SORTED)
    name: Mapped[str]
    type: Mapped[str]
    parent_code: Mapped[str] = empty()
    currency: Mapped[str] = empty()
    description: Mapped[str] = empty()
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("firm_id", "external_ref"),
        UniqueConstraint("firm_id", "code"),
    )


class BankTransaction(OfFirm, Table):
    """Money that moved on a bank account, as a provider tells it; as `canonical.RemoteBankTransaction`."""

    __tablename__ = "bank_transactions"
    connection_id: Mapped[int]
    external_id: Mapped[str]
    version: Mapped[str] = empty()
    type: Mapped[str]
    state: Mapped[str]
    moved_on: Mapped[date | None]
    currency: Mapped[str] = empty()
    amount: Mapped[Decimal]
    bank_account_external_id: Mapped[str] = empty()
    to_account_external_id: Mapped[str] = empty()
    contact_external_id: Mapped[str] = empty()
    contact_name: Mapped[str] = empty()
    reference: Mapped[str] = empty()
    lines: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("connection_id", "external_id"),
        of_firm("connection_id", "connections"),
        Index(None, "firm_id", "moved_on"),
        CheckConstraint("type IN ('spend','receive','transfer')", name="type"),
    )


class JournalEntrySyncMapping(MappingMixin, Table):
    __tablename__ = "journal_entry_sync_mappings"
    journal_entry_id: Mapped[int]
    external_number: Mapped[str] = empty()
    external_total: Mapped[Decimal | None]
    __table_args__ = (
        UniqueConstraint("connection_id", "journal_entry_id"),
        UniqueConstraint("connection_id", "external_id"),
        of_firm("connection_id", "connections"),
        of_firm("journal_entry_id", "journal_entries"),
        Index("ix_journal_entry_sync_mappings_owed", "connection_id", "priority", "id", postgresql_where=OWED),
        Index("ix_journal_entry_sync_mappings_run", "run_id", postgresql_where=COUNTED),
        CheckConstraint(f"state IN ({STATES})", name="state"),
    )
