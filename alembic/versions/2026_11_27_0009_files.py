"""What went out as files and what came in as files, each behind its firm's wall."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

OF_FIRM = ("export_logs", "import_batches")
FIRM = "(SELECT nullif(current_setting('app.firm_id', true), '')::bigint)"


def upgrade() -> None:
    """Create the tables and wall them in."""
    empty_list = sa.text("'[]'::jsonb")
    op.create_table(
        "export_logs",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("filter", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("totals", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("exported_before", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("altered", sa.Integer(), server_default="0", nullable=False),
        sa.Column("alterations", postgresql.JSONB(), server_default=empty_list, nullable=False),
        sa.Column(
            "entries", postgresql.INT8MULTIRANGE(), server_default=sa.text("'{}'::int8multirange"), nullable=False
        ),
        sa.Column("state", sa.Text(), server_default="prepared", nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        *_of_firm("export_logs"),
        sa.CheckConstraint("state IN ('prepared','complete')", name=op.f("ck_export_logs_state")),
        sa.ForeignKeyConstraint(
            ["firm_id", "connection_id"],
            ["connections.firm_id", "connections.id"],
            name=op.f("fk_export_logs_firm_id_connection_id"),
        ),
    )
    op.create_index(
        op.f("ix_export_logs_firm_id_provider_format"), "export_logs", ["firm_id", "provider", "format"], unique=False
    )
    op.create_table(
        "import_batches",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("imported", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rejected_rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("errors", postgresql.JSONB(), server_default=empty_list, nullable=False),
        sa.Column("notes", postgresql.JSONB(), server_default=empty_list, nullable=False),
        sa.Column("rejected", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        *_of_firm("import_batches"),
        sa.CheckConstraint("state IN ('imported','partial','refused','dry_run')", name=op.f("ck_import_batches_state")),
    )
    for table in OF_FIRM:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY firm ON {table} TO tieout_app USING (firm_id = {FIRM}) WITH CHECK (firm_id = {FIRM})"
        )
        op.execute(f"CREATE POLICY operator ON {table} FOR SELECT TO tieout_operator USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tieout_app")
        op.execute(f"GRANT SELECT ON {table} TO tieout_operator")


def downgrade() -> None:
    """Remove them; policies and privileges go with their tables."""
    op.drop_table("import_batches")
    op.drop_table("export_logs")


def _of_firm(table: str) -> list[sa.schema.SchemaItem]:
    """The columns and constraints of every table of a firm."""
    return [
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["firm_id"], ["firms.id"], name=op.f(f"fk_{table}_firm_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("firm_id", "id", name=op.f(f"uq_{table}_firm_id_id")),
    ]
