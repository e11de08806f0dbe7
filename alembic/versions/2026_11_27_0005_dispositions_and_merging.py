"""What merging customers needs to remember, when the daily sweep is due, paused runs, the vendors' app-wide limits."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

BEFORE = "state IN ('queued','running','done','failed','cancelled')"
AFTER = "state IN ('queued','running','paused','done','failed','cancelled')"
_EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "customer_sync_mappings",
        sa.Column("base", postgresql.JSONB(astext_type=sa.Text()), server_default=_EMPTY, nullable=False),
    )
    op.add_column(
        "remote_records", sa.Column("dismissed", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("connections", sa.Column("next_nightly_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "connections",
        sa.Column("frequencies", postgresql.JSONB(astext_type=sa.Text()), server_default=_EMPTY, nullable=False),
    )
    op.add_column(
        "connections",
        sa.Column("kind_pulled", postgresql.JSONB(astext_type=sa.Text()), server_default=_EMPTY, nullable=False),
    )
    op.add_column("webhook_events", sa.Column("duplicates", sa.Integer(), server_default="0", nullable=False))
    op.drop_constraint(op.f("ck_sync_runs_state"), "sync_runs", type_="check")
    op.create_check_constraint(op.f("ck_sync_runs_state"), "sync_runs", AFTER)
    op.create_table(
        "api_budgets",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("provider", "minute", name=op.f("pk_api_budgets")),
    )
    op.execute("ALTER TABLE api_budgets ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE api_budgets FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY system ON api_budgets TO tieout_system USING (true) WITH CHECK (true)")
    op.execute("CREATE POLICY operator ON api_budgets FOR SELECT TO tieout_operator USING (true)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON api_budgets TO tieout_system")
    op.execute("GRANT SELECT ON api_budgets TO tieout_operator")
    op.create_index("ix_sync_runs_finished", "sync_runs", ["firm_id", "finished_at"], unique=False)


def downgrade() -> None:
    """Remove them; a paused run is queued again."""
    op.drop_table("api_budgets")
    op.drop_index("ix_sync_runs_finished", table_name="sync_runs")
    op.execute("UPDATE sync_runs SET state = 'queued' WHERE state = 'paused'")
    op.drop_constraint(op.f("ck_sync_runs_state"), "sync_runs", type_="check")
    op.create_check_constraint(op.f("ck_sync_runs_state"), "sync_runs", BEFORE)
    op.drop_column("webhook_events", "duplicates")
    op.drop_column("connections", "kind_pulled")
    op.drop_column("connections", "frequencies")
    op.drop_column("connections", "next_nightly_at")
    op.drop_column("remote_records", "dismissed")
    op.drop_column("customer_sync_mappings", "base")
