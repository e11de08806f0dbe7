"""Firms, connections and books. The sync engine's tables are in `sync_tables`, queries in the noun modules."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import QUANTITY, SORTED, Json, Numbered, OfFirm, Table, empty, json_object, of_firm


class Firm(Numbered, Table):
    __tablename__ = "firms"
    name: Mapped[str]
    sync_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    frequency_minutes: Mapped[int] = mapped_column(Integer, server_default="60")
    update_policy: Mapped[str] = mapped_column(server_default="customers")
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    default_connection_id: Mapped[int | None]


class ApiKey(OfFirm, Table):
    __tablename__ = "api_keys"
    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class UiSession(OfFirm, Table):
    """A person signed in to the pages (`session`), or a link that signs somebody in once (`link`), by its hash."""

    __tablename__ = "ui_sessions"
    token_hash: Mapped[str] = mapped_column(unique=True)
    purpose: Mapped[str]
    api_key_id: Mapped[int | None]
    subject: Mapped[str]
    name: Mapped[str] = empty()
    role: Mapped[str]
    expires_at: Mapped[datetime]
    __table_args__ = (Index(None, "expires_at"), CheckConstraint("purpose IN ('session','link')", name="purpose"))


class IdempotencyKey(OfFirm, Table):
    """One request under a caller's own key. Without a status its request is under way, or was interrupted."""

    __tablename__ = "idempotency_keys"
    subject: Mapped[str]
    key: Mapped[str] = mapped_column(SORTED)
    fingerprint: Mapped[str]
    status: Mapped[int | None] = mapped_column(Integer)
    sealed_answer: Mapped[str] = empty()
    locked_until: Mapped[datetime]
    __table_args__ = (UniqueConstraint("firm_id", "subject", "key"), Index(None, "created_at"))


class AuditEvent(OfFirm, Table):
    __tablename__ = "audit_events"
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = empty()
    details: Mapped[Json] = json_object()
    __table_args__ = (Index(None, "firm_id", "id"),)


class OAuthState(Table):
    __tablename__ = "oauth_states"
    state_hash: Mapped[str] = mapped_column(primary_key=True)
    firm_id: Mapped[int] = mapped_column(ForeignKey("firms.id", ondelete="CASCADE"))
    provider: Mapped[str]
    subject: Mapped[str]
    redirect_uri: Mapped[str]
    return_url: Mapped[str] = empty()
    caller_state: Mapped[str] = empty()
    browser_hash: Mapped[str] = empty()
    sealed_verifier: Mapped[str]
    confirm_company_change: Mapped[bool] = mapped_column(server_default=text("false"))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PendingConnection(OfFirm, Table):
    """A consent that still needs its principal (`completion`) or the choice of a company (`selection`)."""

    __tablename__ = "pending_connections"
    provider: Mapped[str]
    subject: Mapped[str]
    purpose: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    state_hash: Mapped[str]
    sealed_grant: Mapped[str]
    identity: Mapped[Json] = json_object()
    confirm_company_change: Mapped[bool] = mapped_column(server_default=text("false"))
    expires_at: Mapped[datetime]


class Grant(Numbered, Table):
    """One consent's token set, sealed. It belongs to no firm; only the vault reads it."""

    __tablename__ = "grants"
    provider: Mapped[str]
    provider_user: Mapped[str] = empty()
    sealed_access: Mapped[str]
    sealed_refresh: Mapped[str]
    sealed_previous: Mapped[str] = empty()
    token_type: Mapped[str] = empty()
    scope: Mapped[str] = empty()
    access_expires_at: Mapped[datetime]
    refresh_expires_at: Mapped[datetime | None]
    hard_expires_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    status: Mapped[str] = mapped_column(server_default="active")
    error_message: Mapped[str] = empty()
    lease_owner: Mapped[str] = empty()
    lease_until: Mapped[datetime | None]
    attempt_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (
        Index("uq_grants_user", "provider", "provider_user", unique=True, postgresql_where=text("provider_user <> ''")),
        Index(None, "refreshed_at"),
    )


class Connection(OfFirm, Table):
    __tablename__ = "connections"
    provider: Mapped[str]
    grant_id: Mapped[int | None] = mapped_column(ForeignKey("grants.id", ondelete="SET NULL"))
    subject: Mapped[str]
    company_id: Mapped[str]
    company_name: Mapped[str] = empty()
    link_id: Mapped[str] = empty()
    environment: Mapped[str] = empty()
    company: Mapped[Json] = json_object()
    readiness: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    status: Mapped[str] = mapped_column(server_default="active")
    error_code: Mapped[str] = empty()
    error_message: Mapped[str] = empty()
    sync_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    invoice_sync_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    payment_sync_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    customer_sync_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    journal_sync_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    frequency_minutes: Mapped[int | None] = mapped_column(Integer)
    update_policy: Mapped[str | None]
    customer_pull: Mapped[str] = mapped_column(server_default="suggest")
    sync_from: Mapped[date | None]
    last_invoice_sync_at: Mapped[datetime | None]
    last_payment_sync_at: Mapped[datetime | None]
    last_customer_sync_at: Mapped[datetime | None]
    last_journal_sync_at: Mapped[datetime | None]
    connected_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    next_sync_at: Mapped[datetime | None]
    next_nightly_at: Mapped[datetime | None]
    frequencies: Mapped[Json] = json_object()
    kind_pulled: Mapped[Json] = json_object()
    next_due_at: Mapped[datetime | None]
    throttled_until: Mapped[datetime | None]
    budget: Mapped[Json] = json_object()
    lease_owner: Mapped[str] = empty()
    lease_until: Mapped[datetime | None]
    lease_epoch: Mapped[int] = mapped_column(server_default="0")
    crashes: Mapped[int] = mapped_column(Integer, server_default="0")
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("firm_id", "provider", "company_id"),
        Index("uq_connections_live", "firm_id", "provider", unique=True, postgresql_where=text("status <> 'revoked'")),
        Index(
            "uq_connections_company",
            "provider",
            "company_id",
            unique=True,
            postgresql_where=text("status <> 'revoked'"),
        ),
        Index("ix_connections_due", "next_due_at", postgresql_where=text("status <> 'revoked'")),
        CheckConstraint("status IN ('active','expired','revoked','error')", name="status"),
    )


class Client(OfFirm, Table):
    __tablename__ = "clients"
    external_ref: Mapped[str | None] = mapped_column(SORTED)
    name: Mapped[str]
    email: Mapped[str] = empty()
    phone: Mapped[str] = empty()
    company_name: Mapped[str] = empty()
    currency: Mapped[str] = empty()
    tax_number: Mapped[str] = empty()
    billing_address: Mapped[Json] = json_object()
    notes: Mapped[str] = empty()
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    connection_id: Mapped[int | None]
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("firm_id", "external_ref"),
        of_firm("connection_id", "connections"),
    )


class Invoice(OfFirm, Table):
    __tablename__ = "invoices"
    external_ref: Mapped[str | None] = mapped_column(SORTED)
    number: Mapped[str] = mapped_column(SORTED)
    client_id: Mapped[int]
    issue_date: Mapped[date]
    due_date: Mapped[date]
    currency: Mapped[str]
    tax_mode: Mapped[str]
    memo: Mapped[str] = empty()
    private_note: Mapped[str] = empty()
    subtotal: Mapped[Decimal]
    tax_total: Mapped[Decimal]
    total: Mapped[Decimal]
    status: Mapped[str]
    amount_paid: Mapped[Decimal] = mapped_column(server_default="0")
    paid_date: Mapped[date | None]
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("firm_id", "external_ref"),
        UniqueConstraint("firm_id", "number"),
        of_firm("client_id", "clients"),
        Index(None, "firm_id", "client_id"),
        CheckConstraint("status IN ('draft','approved','partially_paid','paid','void')", name="status"),
    )


class InvoiceLine(OfFirm, Table):
    __tablename__ = "invoice_lines"
    invoice_id: Mapped[int]
    position: Mapped[int] = mapped_column(Integer)
    description: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(QUANTITY)
    unit_price: Mapped[Decimal] = mapped_column(QUANTITY)
    discount_percent: Mapped[Decimal] = mapped_column(QUANTITY, server_default="0")
    amount: Mapped[Decimal]
    account_code: Mapped[str] = empty()
    item_code: Mapped[str] = empty()
    tax_code: Mapped[str] = empty()
    tax_amount: Mapped[Decimal] = mapped_column(server_default="0")
    service_date: Mapped[date | None]
    tracking: Mapped[Json] = json_object()
    __table_args__ = (
        UniqueConstraint("firm_id", "invoice_id", "position"),
        of_firm("invoice_id", "invoices", ondelete="CASCADE"),
    )


class Payment(OfFirm, Table):
    """Money or credit received, as a provider tells it. `source_kind` as in `canonical.Settlement`."""

    __tablename__ = "payments"
    connection_id: Mapped[int]
    source_kind: Mapped[str]
    external_id: Mapped[str]
    version: Mapped[str] = empty()
    customer_external_id: Mapped[str] = empty()
    client_id: Mapped[int | None]
    paid_on: Mapped[date | None]
    currency: Mapped[str] = empty()
    amount: Mapped[Decimal]
    unapplied: Mapped[Decimal] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    reference: Mapped[str] = empty()
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        UniqueConstraint("connection_id", "source_kind", "external_id"),
        of_firm("connection_id", "connections"),
        of_firm("client_id", "clients"),
    )


class PaymentAllocation(OfFirm, Table):
    __tablename__ = "payment_allocations"
    payment_id: Mapped[int]
    connection_id: Mapped[int]
    invoice_external_id: Mapped[str]
    invoice_id: Mapped[int | None]
    amount: Mapped[Decimal]
    applied_on: Mapped[date | None]
    __table_args__ = (
        UniqueConstraint("payment_id", "invoice_external_id"),
        of_firm("payment_id", "payments", ondelete="CASCADE"),
        of_firm("invoice_id", "invoices"),
        of_firm("connection_id", "connections"),
        Index(None, "connection_id", "invoice_external_id"),
        Index(None, "firm_id", "invoice_id"),
    )
