"""The bell: Procrastinate's own schema, in a PostgreSQL schema of its own.

Its SQL comes from the locked package, so the tables always fit the code that uses them.
"""

from collections.abc import Sequence

from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create the queue and let the system role, and no other, ring it."""
    op.execute("CREATE SCHEMA procrastinate")
    op.execute("SET LOCAL search_path = procrastinate")
    op.get_bind().connection.cursor().execute(SchemaManager.get_schema())
    op.execute("SET LOCAL search_path = public")
    op.execute("GRANT USAGE ON SCHEMA procrastinate TO tieout_system")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA procrastinate TO tieout_system")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA procrastinate TO tieout_system")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA procrastinate TO tieout_system")
    op.execute(
        "ALTER TABLE procrastinate.procrastinate_jobs"
        " SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 500)"
    )


def downgrade() -> None:
    """Remove the queue; what is owed stands in our own tables."""
    op.execute("DROP SCHEMA procrastinate CASCADE")
