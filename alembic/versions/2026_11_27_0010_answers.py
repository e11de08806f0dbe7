"""Keep what a provider answered about each record, for the timelines of documents."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the answer to each attempt; those of before have none."""
    column = sa.Column("answer", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
    op.add_column("write_attempts", column)


def downgrade() -> None:
    """Forget them."""
    op.drop_column("write_attempts", "answer")
