"""Find the records that are counted to a run, which its progress asks for again and again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

MAPPINGS = ("customer_sync_mappings", "invoice_sync_mappings", "journal_entry_sync_mappings")


def upgrade() -> None:
    """Add an index to each kind of mapping."""
    for table in MAPPINGS:
        op.create_index(f"ix_{table}_run", table, ["run_id"], postgresql_where=sa.text("run_id IS NOT NULL"))


def downgrade() -> None:
    """Remove them."""
    for table in MAPPINGS:
        op.drop_index(f"ix_{table}_run", table_name=table, postgresql_where=sa.text("run_id IS NOT NULL"))
