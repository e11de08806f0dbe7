"""Row-level security and the privileges of the three roles.

The firm's role sees the rows of the firm set in the transaction and nothing when none is set. The system role has its
own policies on the tables named here and no others. The operator's role reads across firms, but never a sealed column.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

OF_FIRM = (
    "api_keys",
    "audit_events",
    "oauth_states",
    "pending_connections",
    "connections",
    "clients",
    "invoices",
    "invoice_lines",
    "payments",
    "payment_allocations",
    "customer_sync_mappings",
    "invoice_sync_mappings",
    "account_mappings",
    "tax_mappings",
    "item_mappings",
    "remote_records",
    "sync_runs",
    "sync_cursors",
    "write_calls",
    "write_attempts",
    "webhook_events",
)
SYSTEM = {
    "firms": "SELECT, INSERT",
    "api_keys": "SELECT, INSERT, UPDATE",
    "audit_events": "SELECT, INSERT",
    "oauth_states": "SELECT, INSERT, DELETE",
    "pending_connections": "SELECT, INSERT, DELETE",
    "connections": "SELECT, UPDATE",
    "customer_sync_mappings": "SELECT",
    "invoice_sync_mappings": "SELECT",
    "sync_runs": "SELECT",
    "write_calls": "SELECT",
    "webhook_events": "SELECT, INSERT, UPDATE, DELETE",
}
SYSTEM_ONLY = ("grants", "webhook_deliveries")
GRANT_FACTS = (
    "id, provider, provider_user, token_type, scope, access_expires_at, refresh_expires_at, hard_expires_at, version, "
    "status, error_message, refreshed_at, created_at, updated_at"
)
SEQUENCES = "grants_id_seq, pending_connections_id_seq, webhook_deliveries_id_seq"
KEY_FACTS = "id, firm_id, name, prefix, role, expires_at, revoked_at, last_used_at"
OPERATOR_HIDDEN = ("pending_connections", "oauth_states", "api_keys")
FIRM = "(SELECT nullif(current_setting('app.firm_id', true), '')::bigint)"


def upgrade() -> None:
    """Make the roles where they are missing (a server may forbid it: app/db/roles.sql), then wall the tables in."""
    for role in ("tieout_app", "tieout_system", "tieout_operator"):
        op.execute(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') "  # noqa: S608  (named above)
            f"THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
        )
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
    for table in (*OF_FIRM, "firms"):
        key = "id" if table == "firms" else "firm_id"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY firm ON {table} TO tieout_app USING ({key} = {FIRM}) WITH CHECK ({key} = {FIRM})")
        op.execute(f"CREATE POLICY operator ON {table} FOR SELECT TO tieout_operator USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tieout_app")
        if table not in OPERATOR_HIDDEN:
            op.execute(f"GRANT SELECT ON {table} TO tieout_operator")
    op.execute("REVOKE INSERT, DELETE ON firms FROM tieout_app")
    for table, privileges in SYSTEM.items():
        op.execute(f"CREATE POLICY system ON {table} TO tieout_system USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {privileges} ON {table} TO tieout_system")
    for table in SYSTEM_ONLY:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON {table} TO tieout_system USING (true) WITH CHECK (true)")
        op.execute(f"CREATE POLICY operator ON {table} FOR SELECT TO tieout_operator USING (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tieout_system")
    op.execute(f"GRANT USAGE ON SEQUENCE {SEQUENCES} TO tieout_system")
    op.execute(f"GRANT SELECT ({GRANT_FACTS}) ON grants TO tieout_operator")
    op.execute(f"GRANT SELECT ({KEY_FACTS}) ON api_keys TO tieout_operator")
    op.execute("GRANT SELECT ON alembic_version TO tieout_app, tieout_system, tieout_operator")


def downgrade() -> None:
    """Take the policies and privileges away again; the roles stay, other databases of the server may use them."""
    for table in (*OF_FIRM, "firms", *SYSTEM_ONLY):
        for policy in ("firm", "operator", "system"):
            op.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"REVOKE ALL ON {table} FROM tieout_app, tieout_system, tieout_operator")
    op.execute(f"REVOKE ALL ON SEQUENCE {SEQUENCES} FROM tieout_system")
    op.execute("REVOKE ALL ON alembic_version FROM tieout_app, tieout_system, tieout_operator")
