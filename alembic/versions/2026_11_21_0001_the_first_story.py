"""Everything the first story needs: firms, connections, books, mappings, runs, the write ledger, the webhook inbox."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

PUBLIC_STATUS = """CASE WHEN state IN ('synced','unchanged','excluded','superseded') THEN 'synced'
 WHEN state IN ('error','conflict','parked') THEN 'error' ELSE 'pending' END"""
STATES = (
    "state IN ('pending','in_flight','waiting','unknown','synced','unchanged','excluded','superseded',"
    "'error','conflict','parked')"
)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "firms",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sync_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("frequency_minutes", sa.Integer(), server_default="60", nullable=False),
        sa.Column("update_policy", sa.Text(), server_default="customers", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("default_connection_id", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firms")),
    )
    op.create_table(
        "grants",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_user", sa.Text(), server_default="", nullable=False),
        sa.Column("sealed_access", sa.Text(), nullable=False),
        sa.Column("sealed_refresh", sa.Text(), nullable=False),
        sa.Column("sealed_previous", sa.Text(), server_default="", nullable=False),
        sa.Column("token_type", sa.Text(), server_default="", nullable=False),
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hard_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("error_message", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_refreshed_at"), "grants", ["refreshed_at"], unique=False)
    op.create_index(
        "uq_grants_user",
        "grants",
        ["provider", "provider_user"],
        unique=True,
        postgresql_where=sa.text("provider_user <> ''"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_api_keys_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_table(
        "audit_events",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_audit_events_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_firm_id_id"), "audit_events", ["firm_id", "id"], unique=False)
    op.create_table(
        "connections",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("company_name", sa.Text(), server_default="", nullable=False),
        sa.Column("link_id", sa.Text(), server_default="", nullable=False),
        sa.Column("environment", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "company", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "readiness", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("error_code", sa.Text(), server_default="", nullable=False),
        sa.Column("error_message", sa.Text(), server_default="", nullable=False),
        sa.Column("sync_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("invoice_sync_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("payment_sync_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("customer_sync_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("frequency_minutes", sa.Integer(), nullable=True),
        sa.Column("update_policy", sa.Text(), nullable=True),
        sa.Column("customer_pull", sa.Text(), server_default="suggest", nullable=False),
        sa.Column("sync_from", sa.Date(), nullable=True),
        sa.Column("last_invoice_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_payment_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_customer_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_sync_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("throttled_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "budget", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('active','expired','revoked','error')", name=op.f("ck_connections_status")),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_connections_firm_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_connections_grant_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_connections_firm_id_id")),
        sa.UniqueConstraint(
            "firm_id", "provider", "company_id", name=op.f("uq_connections_firm_id_provider_company_id")
        ),
    )
    op.create_index(
        "ix_connections_due",
        "connections",
        ["next_due_at"],
        unique=False,
        postgresql_where=sa.text("status <> 'revoked'"),
    )
    op.create_index(
        "uq_connections_company",
        "connections",
        ["provider", "company_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'revoked'"),
    )
    op.create_index(
        "uq_connections_live",
        "connections",
        ["firm_id", "provider"],
        unique=True,
        postgresql_where=sa.text("status <> 'revoked'"),
    )
    op.create_table(
        "oauth_states",
        sa.Column("state_hash", sa.Text(), nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), server_default="", nullable=False),
        sa.Column("caller_state", sa.Text(), server_default="", nullable=False),
        sa.Column("browser_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("sealed_verifier", sa.Text(), nullable=False),
        sa.Column("confirm_company_change", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_oauth_states_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_states")),
    )
    op.create_table(
        "pending_connections",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("state_hash", sa.Text(), nullable=False),
        sa.Column("sealed_grant", sa.Text(), nullable=False),
        sa.Column(
            "identity", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("confirm_company_change", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_pending_connections_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_connections")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_pending_connections_token_hash")),
    )
    op.create_table(
        "account_mappings",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("internal_code", sa.Text(collation="C"), nullable=False),
        sa.Column("external_code", sa.Text(), nullable=False),
        sa.Column("external_name", sa.Text(), server_default="", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_account_mappings_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_account_mappings_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_mappings")),
        sa.UniqueConstraint(
            "firm_id",
            "provider",
            "connection_id",
            "internal_code",
            name=op.f("uq_account_mappings_firm_id_provider_connection_id_internal_code"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "clients",
        sa.Column("external_ref", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("company_name", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("tax_number", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "billing_address",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_clients_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_clients_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
        sa.UniqueConstraint("firm_id", "external_ref", name=op.f("uq_clients_firm_id_external_ref")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_clients_firm_id_id")),
    )
    op.create_table(
        "item_mappings",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("internal_code", sa.Text(collation="C"), nullable=False),
        sa.Column("external_code", sa.Text(), nullable=False),
        sa.Column("external_name", sa.Text(), server_default="", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_item_mappings_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_item_mappings_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_mappings")),
        sa.UniqueConstraint(
            "firm_id",
            "provider",
            "connection_id",
            "internal_code",
            name=op.f("uq_item_mappings_firm_id_provider_connection_id_internal_code"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "remote_records",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "record", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("gone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("remote_updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_remote_records_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_remote_records_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remote_records")),
        sa.UniqueConstraint(
            "connection_id", "kind", "external_id", name=op.f("uq_remote_records_connection_id_kind_external_id")
        ),
    )
    op.create_table(
        "sync_cursors",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_sync_cursors_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_sync_cursors_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_cursors")),
        sa.UniqueConstraint("connection_id", "kind", name=op.f("uq_sync_cursors_connection_id_kind")),
    )
    op.create_table(
        "sync_runs",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), server_default="api", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="30", nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "error", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("requested_by", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued','running','done','failed','cancelled')", name=op.f("ck_sync_runs_state")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_sync_runs_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_sync_runs_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_runs")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_sync_runs_firm_id_id")),
    )
    op.create_index(
        "ix_sync_runs_open",
        "sync_runs",
        ["connection_id", "priority", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued','running')"),
    )
    op.create_table(
        "tax_mappings",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("internal_code", sa.Text(collation="C"), nullable=False),
        sa.Column("external_code", sa.Text(), nullable=False),
        sa.Column("external_name", sa.Text(), server_default="", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_tax_mappings_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_tax_mappings_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_mappings")),
        sa.UniqueConstraint(
            "firm_id",
            "provider",
            "connection_id",
            "internal_code",
            name=op.f("uq_tax_mappings_firm_id_provider_connection_id_internal_code"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "webhook_events",
        sa.Column("firm_id", sa.BigInteger(), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("operation", sa.Text(), server_default="", nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('pending','done','ignored','parked')", name=op.f("ck_webhook_events_state")),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["webhook_deliveries.id"], name=op.f("fk_webhook_events_delivery_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_webhook_events_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_webhook_events_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
        sa.UniqueConstraint("provider", "event_key", name=op.f("uq_webhook_events_provider_event_key")),
    )
    op.create_index(
        "ix_webhook_events_owed",
        "webhook_events",
        ["connection_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "write_calls",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="sent", nullable=False),
        sa.Column("sends", sa.Integer(), server_default="1", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('sent','done','unknown')", name=op.f("ck_write_calls_state")),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_write_calls_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_write_calls_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_calls")),
        sa.UniqueConstraint("connection_id", "key", name=op.f("uq_write_calls_connection_id_key")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_write_calls_firm_id_id")),
    )
    op.create_index(
        "ix_write_calls_open",
        "write_calls",
        ["connection_id", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_table(
        "customer_sync_mappings",
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("external_name", sa.Text(), server_default="", nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column(
            "sync_status",
            sa.Text(),
            sa.Computed(
                PUBLIC_STATUS,
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("sync_error", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "fault", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "external_metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("wanted", sa.Text(), server_default="create", nullable=False),
        sa.Column("base_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="30", nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            STATES,
            name=op.f("ck_customer_sync_mappings_state"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "client_id"],
            ["clients.firm_id", "clients.id"],
            name=op.f("fk_customer_sync_mappings_firm_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_customer_sync_mappings_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_customer_sync_mappings_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_sync_mappings")),
        sa.UniqueConstraint(
            "connection_id", "client_id", name=op.f("uq_customer_sync_mappings_connection_id_client_id")
        ),
        sa.UniqueConstraint(
            "connection_id", "external_id", name=op.f("uq_customer_sync_mappings_connection_id_external_id")
        ),
    )
    op.create_index(
        "ix_customer_sync_mappings_owed",
        "customer_sync_mappings",
        ["connection_id", "priority", "id"],
        unique=False,
        postgresql_where=sa.text(STATES),
    )
    op.create_table(
        "invoices",
        sa.Column("external_ref", sa.Text(collation="C"), nullable=True),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("tax_mode", sa.Text(), nullable=False),
        sa.Column("memo", sa.Text(), server_default="", nullable=False),
        sa.Column("private_note", sa.Text(), server_default="", nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("tax_total", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("total", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_paid", sa.Numeric(precision=19, scale=4), server_default="0", nullable=False),
        sa.Column("paid_date", sa.Date(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft','approved','partially_paid','paid','void')", name=op.f("ck_invoices_status")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "client_id"], ["clients.firm_id", "clients.id"], name=op.f("fk_invoices_firm_id_client_id")
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_invoices_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("firm_id", "external_ref", name=op.f("uq_invoices_firm_id_external_ref")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_invoices_firm_id_id")),
        sa.UniqueConstraint("firm_id", "number", name=op.f("uq_invoices_firm_id_number")),
    )
    op.create_index(op.f("ix_invoices_firm_id_client_id"), "invoices", ["firm_id", "client_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("source_kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("amount", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("unapplied", sa.Numeric(precision=19, scale=4), server_default="0", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "client_id"], ["clients.firm_id", "clients.id"], name=op.f("fk_payments_firm_id_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_payments_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_payments_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint(
            "connection_id",
            "source_kind",
            "external_id",
            name=op.f("uq_payments_connection_id_source_kind_external_id"),
        ),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_payments_firm_id_id")),
    )
    op.create_table(
        "write_attempts",
        sa.Column("call_id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("mapping_kind", sa.Text(), nullable=False),
        sa.Column("mapping_id", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "record", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("outcome", sa.Text(), server_default="pending", nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "call_id"],
            ["write_calls.firm_id", "write_calls.id"],
            name=op.f("fk_write_attempts_firm_id_call_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_write_attempts_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_attempts")),
        sa.UniqueConstraint("call_id", "item_id", name=op.f("uq_write_attempts_call_id_item_id")),
    )
    op.create_index(
        op.f("ix_write_attempts_mapping_kind_mapping_id"),
        "write_attempts",
        ["mapping_kind", "mapping_id"],
        unique=False,
    )
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=19, scale=6), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=19, scale=6), nullable=False),
        sa.Column("discount_percent", sa.Numeric(precision=19, scale=6), server_default="0", nullable=False),
        sa.Column("amount", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("account_code", sa.Text(), server_default="", nullable=False),
        sa.Column("item_code", sa.Text(), server_default="", nullable=False),
        sa.Column("tax_code", sa.Text(), server_default="", nullable=False),
        sa.Column("tax_amount", sa.Numeric(precision=19, scale=4), server_default="0", nullable=False),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column(
            "tracking", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "invoice_id"],
            ["invoices.firm_id", "invoices.id"],
            name=op.f("fk_invoice_lines_firm_id_invoice_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_invoice_lines_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_lines")),
        sa.UniqueConstraint(
            "firm_id", "invoice_id", "position", name=op.f("uq_invoice_lines_firm_id_invoice_id_position")
        ),
    )
    op.create_table(
        "invoice_sync_mappings",
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("external_number", sa.Text(), server_default="", nullable=False),
        sa.Column("external_total", sa.Numeric(precision=19, scale=4), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column(
            "sync_status",
            sa.Text(),
            sa.Computed(
                PUBLIC_STATUS,
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("sync_error", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "fault", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "external_metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("wanted", sa.Text(), server_default="create", nullable=False),
        sa.Column("base_revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="30", nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            STATES,
            name=op.f("ck_invoice_sync_mappings_state"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_invoice_sync_mappings_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "invoice_id"],
            ["invoices.firm_id", "invoices.id"],
            name=op.f("fk_invoice_sync_mappings_firm_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_invoice_sync_mappings_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_sync_mappings")),
        sa.UniqueConstraint(
            "connection_id", "external_id", name=op.f("uq_invoice_sync_mappings_connection_id_external_id")
        ),
        sa.UniqueConstraint(
            "connection_id", "invoice_id", name=op.f("uq_invoice_sync_mappings_connection_id_invoice_id")
        ),
    )
    op.create_index(
        "ix_invoice_sync_mappings_owed",
        "invoice_sync_mappings",
        ["connection_id", "priority", "id"],
        unique=False,
        postgresql_where=sa.text(STATES),
    )
    op.create_table(
        "payment_allocations",
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_external_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=True),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_payment_allocations_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "invoice_id"],
            ["invoices.firm_id", "invoices.id"],
            name=op.f("fk_payment_allocations_firm_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "payment_id"],
            ["payments.firm_id", "payments.id"],
            name=op.f("fk_payment_allocations_firm_id_payment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_payment_allocations_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_allocations")),
        sa.UniqueConstraint(
            "payment_id", "invoice_external_id", name=op.f("uq_payment_allocations_payment_id_invoice_external_id")
        ),
    )
    op.create_index(
        op.f("ix_payment_allocations_connection_id_invoice_external_id"),
        "payment_allocations",
        ["connection_id", "invoice_external_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_payment_allocations_firm_id_invoice_id"),
        "payment_allocations",
        ["firm_id", "invoice_id"],
        unique=False,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_payment_allocations_firm_id_invoice_id"), table_name="payment_allocations")
    op.drop_index(op.f("ix_payment_allocations_connection_id_invoice_external_id"), table_name="payment_allocations")
    op.drop_table("payment_allocations")
    op.drop_index(
        "ix_invoice_sync_mappings_owed",
        table_name="invoice_sync_mappings",
        postgresql_where=sa.text(STATES),
    )
    op.drop_table("invoice_sync_mappings")
    op.drop_table("invoice_lines")
    op.drop_index(op.f("ix_write_attempts_mapping_kind_mapping_id"), table_name="write_attempts")
    op.drop_table("write_attempts")
    op.drop_table("payments")
    op.drop_index(op.f("ix_invoices_firm_id_client_id"), table_name="invoices")
    op.drop_table("invoices")
    op.drop_index(
        "ix_customer_sync_mappings_owed",
        table_name="customer_sync_mappings",
        postgresql_where=sa.text(STATES),
    )
    op.drop_table("customer_sync_mappings")
    op.drop_index("ix_write_calls_open", table_name="write_calls", postgresql_where=sa.text("state <> 'done'"))
    op.drop_table("write_calls")
    op.drop_index("ix_webhook_events_owed", table_name="webhook_events", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("webhook_events")
    op.drop_table("tax_mappings")
    op.drop_index(
        "ix_sync_runs_open", table_name="sync_runs", postgresql_where=sa.text("state IN ('queued','running')")
    )
    op.drop_table("sync_runs")
    op.drop_table("sync_cursors")
    op.drop_table("remote_records")
    op.drop_table("item_mappings")
    op.drop_table("clients")
    op.drop_table("account_mappings")
    op.drop_table("pending_connections")
    op.drop_table("oauth_states")
    op.drop_index("uq_connections_live", table_name="connections", postgresql_where=sa.text("status <> 'revoked'"))
    op.drop_index("uq_connections_company", table_name="connections", postgresql_where=sa.text("status <> 'revoked'"))
    op.drop_index("ix_connections_due", table_name="connections", postgresql_where=sa.text("status <> 'revoked'"))
    op.drop_table("connections")
    op.drop_index(op.f("ix_audit_events_firm_id_id"), table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("api_keys")
    op.drop_table("webhook_deliveries")
    op.drop_index("uq_grants_user", table_name="grants", postgresql_where=sa.text("provider_user <> ''"))
    op.drop_index(op.f("ix_grants_refreshed_at"), table_name="grants")
    op.drop_table("grants")
    op.drop_table("firms")
