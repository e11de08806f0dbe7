"""Journal entries and the chart of accounts in the books, bank transactions as pulled, each behind its firm's wall."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


PUBLIC_STATUS = """CASE WHEN state IN ('synced','unchanged','excluded','superseded') THEN 'synced'
 WHEN state IN ('error','conflict','parked') THEN 'error' ELSE 'pending' END"""
STATES = (
    "state IN ('pending','in_flight','waiting','unknown','synced','unchanged','excluded','superseded',"
    "'error','conflict','parked')"
)
OF_FIRM = ("accounts", "journal_entries", "journal_lines", "bank_transactions", "journal_entry_sync_mappings")
SYSTEM_READS = ("journal_entry_sync_mappings",)
FIRM = "(SELECT nullif(current_setting('app.firm_id', true), '')::bigint)"


def upgrade() -> None:
    """Create the tables and wall them in."""
    op.create_table(
        "accounts",
        sa.Column("external_ref", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_accounts_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("firm_id", "code", name=op.f("uq_accounts_firm_id_code")),
        sa.UniqueConstraint("firm_id", "external_ref", name=op.f("uq_accounts_firm_id_external_ref")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_accounts_firm_id_id")),
    )
    op.create_table(
        "journal_entries",
        sa.Column("external_ref", sa.Text(collation="C"), nullable=True),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("entry_date", sa.Date(), nullable=False),
        sa.Column("narration", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('draft','approved','posted','void')", name=op.f("ck_journal_entries_status")),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_journal_entries_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
        sa.UniqueConstraint("firm_id", "external_ref", name=op.f("uq_journal_entries_firm_id_external_ref")),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_journal_entries_firm_id_id")),
        sa.UniqueConstraint("firm_id", "number", name=op.f("uq_journal_entries_firm_id_number")),
    )
    op.create_index(
        op.f("ix_journal_entries_firm_id_entry_date"), "journal_entries", ["firm_id", "entry_date"], unique=False
    )
    op.create_table(
        "bank_transactions",
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), server_default="", nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("moved_on", sa.Date(), nullable=True),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("amount", sa.Numeric(precision=19, scale=4), nullable=False),
        sa.Column("bank_account_external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("to_account_external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_name", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "lines", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("type IN ('spend','receive','transfer')", name=op.f("ck_bank_transactions_type")),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_bank_transactions_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_bank_transactions_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_transactions")),
        sa.UniqueConstraint(
            "connection_id", "external_id", name=op.f("uq_bank_transactions_connection_id_external_id")
        ),
        sa.UniqueConstraint("firm_id", "id", name=op.f("uq_bank_transactions_firm_id_id")),
    )
    op.create_index(
        op.f("ix_bank_transactions_firm_id_moved_on"), "bank_transactions", ["firm_id", "moved_on"], unique=False
    )
    op.create_table(
        "journal_entry_sync_mappings",
        sa.Column("journal_entry_id", sa.BigInteger(), nullable=False),
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
            name=op.f("ck_journal_entry_sync_mappings_state"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_journal_entry_sync_mappings_firm_id_connection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "journal_entry_id"],
            ["journal_entries.firm_id", "journal_entries.id"],
            name=op.f("fk_journal_entry_sync_mappings_firm_id_journal_entry_id"),
        ),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_journal_entry_sync_mappings_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry_sync_mappings")),
        sa.UniqueConstraint(
            "connection_id", "external_id", name=op.f("uq_journal_entry_sync_mappings_connection_id_external_id")
        ),
        sa.UniqueConstraint(
            "connection_id",
            "journal_entry_id",
            name=op.f("uq_journal_entry_sync_mappings_connection_id_journal_entry_id"),
        ),
    )
    op.create_index(
        "ix_journal_entry_sync_mappings_owed",
        "journal_entry_sync_mappings",
        ["connection_id", "priority", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('pending','in_flight','waiting','unknown')"),
    )
    op.create_table(
        "journal_lines",
        sa.Column("journal_entry_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account_code", sa.Text(), nullable=False),
        sa.Column("debit", sa.Numeric(precision=19, scale=4), server_default="0", nullable=False),
        sa.Column("credit", sa.Numeric(precision=19, scale=4), server_default="0", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("client_id", sa.BigInteger(), nullable=True),
        sa.Column("tax_code", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "tracking", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "debit >= 0 AND credit >= 0 AND (debit = 0) <> (credit = 0)", name=op.f("ck_journal_lines_one_side")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "client_id"], ["clients.firm_id", "clients.id"], name=op.f("fk_journal_lines_firm_id_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["firm_id", "journal_entry_id"],
            ["journal_entries.firm_id", "journal_entries.id"],
            name=op.f("fk_journal_lines_firm_id_journal_entry_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_journal_lines_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_lines")),
        sa.UniqueConstraint(
            "firm_id", "journal_entry_id", "position", name=op.f("uq_journal_lines_firm_id_journal_entry_id_position")
        ),
    )
    op.add_column(
        "connections", sa.Column("journal_sync_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.add_column("connections", sa.Column("last_journal_sync_at", sa.DateTime(timezone=True), nullable=True))
    for table in OF_FIRM:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY firm ON {table} TO tieout_app USING (firm_id = {FIRM}) WITH CHECK (firm_id = {FIRM})"
        )
        op.execute(f"CREATE POLICY operator ON {table} FOR SELECT TO tieout_operator USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tieout_app")
        op.execute(f"GRANT SELECT ON {table} TO tieout_operator")
    for table in SYSTEM_READS:
        op.execute(f"CREATE POLICY system ON {table} TO tieout_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT ON {table} TO tieout_system")


def downgrade() -> None:
    """Remove them; policies and privileges go with their tables."""
    op.drop_column("connections", "last_journal_sync_at")
    op.drop_column("connections", "journal_sync_enabled")
    op.drop_table("journal_lines")
    op.drop_index(
        "ix_journal_entry_sync_mappings_owed",
        table_name="journal_entry_sync_mappings",
        postgresql_where=sa.text("state IN ('pending','in_flight','waiting','unknown')"),
    )
    op.drop_table("journal_entry_sync_mappings")
    op.drop_index(op.f("ix_bank_transactions_firm_id_moved_on"), table_name="bank_transactions")
    op.drop_table("bank_transactions")
    op.drop_index(op.f("ix_journal_entries_firm_id_entry_date"), table_name="journal_entries")
    op.drop_table("journal_entries")
    op.drop_table("accounts")
