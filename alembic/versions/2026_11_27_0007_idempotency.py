"""Answers kept under the callers' idempotency keys, sealed, behind their firm's wall; a bell for what runs do."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

FIRM = "(SELECT nullif(current_setting('app.firm_id', true), '')::bigint)"


def upgrade() -> None:
    """Create the table and wall it in."""
    op.create_table(
        "idempotency_keys",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("sealed_answer", sa.Text(), server_default="", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("firm_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["firm_id"], ["firms.id"], name=op.f("fk_idempotency_keys_firm_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("firm_id", "subject", "key", name=op.f("uq_idempotency_keys_firm_id_subject_key")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY firm ON idempotency_keys TO tieout_app USING (firm_id = {FIRM}) WITH CHECK (firm_id = {FIRM})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO tieout_app")
    op.execute("CREATE POLICY system ON idempotency_keys TO tieout_system USING (true) WITH CHECK (true)")
    op.execute("GRANT SELECT, DELETE ON idempotency_keys TO tieout_system")
    # The payload names the firm alone: whoever hears it looks through his own wall.
    op.execute(
        """
        CREATE FUNCTION tell_of_runs() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('tieout_runs', NEW.firm_id::text);
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER tell_of_runs AFTER INSERT OR UPDATE OF state, counts ON sync_runs"
        " FOR EACH ROW EXECUTE FUNCTION tell_of_runs()"
    )
    op.execute("GRANT EXECUTE ON FUNCTION tell_of_runs() TO tieout_app, tieout_system")


def downgrade() -> None:
    """Remove it; its policies go along."""
    op.execute("DROP TRIGGER tell_of_runs ON sync_runs")
    op.execute("DROP FUNCTION tell_of_runs()")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
