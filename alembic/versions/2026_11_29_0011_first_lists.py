"""Remember whose first list is still to be compared with what we know of a company."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the moment; of lists that were read before, the daily sweep compares the days that it reads."""
    op.add_column("sync_cursors", sa.Column("missing_due", sa.TIMESTAMP(timezone=True)))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("sync_cursors", "missing_due")
