"""Sessions of people signed in to the pages, one-time sign-in links, and what each record last stumbled over."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

FIRM = "(SELECT nullif(current_setting('app.firm_id', true), '')::bigint)"
MAPPINGS = ("customer_sync_mappings", "invoice_sync_mappings", "journal_entry_sync_mappings")
FACTS = "id, firm_id, purpose, api_key_id, subject, name, role, expires_at, created_at, updated_at"


def upgrade() -> None:
    """Create the table and wall it in; the operator never sees a token's hash."""
    op.create_table(
        "ui_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("purpose IN ('session','link')", name=op.f("ck_ui_sessions_purpose")),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f("fk_ui_sessions_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ui_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_ui_sessions_token_hash")),
    )
    op.create_index(op.f("ix_ui_sessions_expires_at"), "ui_sessions", ["expires_at"], unique=False)
    for table in MAPPINGS:
        op.add_column(table, sa.Column("troubled_code", sa.Text(), server_default="", nullable=False))
        op.add_column(table, sa.Column("troubled_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("ALTER TABLE ui_sessions ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE ui_sessions FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY firm ON ui_sessions TO tieout_app USING (firm_id = {FIRM}) WITH CHECK (firm_id = {FIRM})"
    )
    op.execute("CREATE POLICY operator ON ui_sessions FOR SELECT TO tieout_operator USING (true)")
    op.execute("CREATE POLICY system ON ui_sessions TO tieout_system USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ui_sessions TO tieout_app")
    op.execute("GRANT SELECT, INSERT, DELETE ON ui_sessions TO tieout_system")
    op.execute("GRANT USAGE ON SEQUENCE ui_sessions_id_seq TO tieout_system")
    op.execute(f"GRANT SELECT ({FACTS}) ON ui_sessions TO tieout_operator")


def downgrade() -> None:
    """Remove them: everybody is signed out."""
    for table in MAPPINGS:
        op.drop_column(table, "troubled_at")
        op.drop_column(table, "troubled_code")
    op.drop_table("ui_sessions")
