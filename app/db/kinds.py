"""The kinds of records that are pushed, as the database knows them: their tables, their states in SQL, their switches.

Everything that must cover every kind (what is owed, due, counted, revived) is built from `PUSHED`, in this order: a
record may only depend on kinds before its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.canonical import Kind
from app.db.ledger_tables import JournalEntrySyncMapping
from app.db.sync_tables import CustomerSyncMapping, InvoiceSyncMapping

MappingTable = type[CustomerSyncMapping | InvoiceSyncMapping | JournalEntrySyncMapping]

# The only connection there is, for a firm that named no default.
_ONLY = """(SELECT min(only_one.id) FROM connections only_one
     WHERE only_one.firm_id = f.id AND only_one.status <> 'revoked' HAVING count(*) = 1)"""
CLIENTS_HOME = f"coalesce(c.connection_id, f.default_connection_id, {_ONLY})"
FIRMS_HOME = f"coalesce(f.default_connection_id, {_ONLY})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedKind:
    """One kind in SQL.

    `source` yields firm_id, record_id, revision, label, dated, home, fate, ready, ready_when_named, and takes `narrow`
    (conditions on the record's `alias`). `fate` is what has become of a record: keep, void or deactivate. `part` says
    in terms of `alias` what a filter's date, status and client are. `switch` and `synced_at` are columns of the
    connection; `permitting` the update policies under which edits go out.
    """

    table: MappingTable
    record: str
    records: str
    alias: str
    label: str
    source: str
    fate: str
    part: Mapping[str, str]
    permitting: str
    switch: str
    synced_at: str

    @property
    def mappings(self) -> str:
        """The name of the mappings' table."""
        return self.table.__tablename__


PUSHED: Mapping[Kind, PushedKind] = {
    Kind.customer: PushedKind(
        table=CustomerSyncMapping,
        record="client_id",
        records="clients",
        alias="c",
        label="external_name",
        source=f"""
        SELECT c.firm_id, c.id AS record_id, c.revision, c.name AS label, NULL::date AS dated, {CLIENTS_HOME} AS home,
               CASE WHEN c.active THEN 'keep' ELSE 'deactivate' END AS fate, true AS ready, true AS ready_when_named
        FROM clients c JOIN firms f ON f.id = c.firm_id WHERE c.firm_id = :firm {{narrow}}""",
        fate="CASE WHEN r.active THEN 'keep' ELSE 'deactivate' END",
        part={
            "dated": "NULL::date",
            "status": "CASE WHEN c.active THEN 'active' ELSE 'archived' END",
            "client": "c.id",
        },
        permitting="'customers', 'all'",
        switch="customer_sync_enabled",
        synced_at="last_customer_sync_at",
    ),
    Kind.invoice: PushedKind(
        table=InvoiceSyncMapping,
        record="invoice_id",
        records="invoices",
        alias="i",
        label="external_number",
        source=f"""
        SELECT c.firm_id, i.id AS record_id, i.revision, i.number AS label, i.issue_date AS dated,
               {CLIENTS_HOME} AS home, CASE WHEN i.status = 'void' THEN 'void' ELSE 'keep' END AS fate,
               i.status <> 'draft' AS ready, i.status <> 'draft' AS ready_when_named
        FROM invoices i JOIN clients c ON c.firm_id = i.firm_id AND c.id = i.client_id
        JOIN firms f ON f.id = c.firm_id WHERE i.firm_id = :firm {{narrow}}""",
        fate="CASE WHEN r.status = 'void' THEN 'void' ELSE 'keep' END",
        part={"dated": "i.issue_date", "status": "i.status", "client": "i.client_id"},
        permitting="'all'",
        switch="invoice_sync_enabled",
        synced_at="last_invoice_sync_at",
    ),
    Kind.journal_entry: PushedKind(
        table=JournalEntrySyncMapping,
        record="journal_entry_id",
        records="journal_entries",
        alias="j",
        label="external_number",
        source=f"""
        SELECT j.firm_id, j.id AS record_id, j.revision, j.number AS label, j.entry_date AS dated,
               {FIRMS_HOME} AS home, CASE WHEN j.status = 'void' THEN 'void' ELSE 'keep' END AS fate,
               j.status IN ('posted', 'void') AS ready, j.status <> 'draft' AS ready_when_named
        FROM journal_entries j JOIN firms f ON f.id = j.firm_id WHERE j.firm_id = :firm {{narrow}}""",
        fate="CASE WHEN r.status = 'void' THEN 'void' ELSE 'keep' END",
        part={"dated": "j.entry_date", "status": "j.status", "client": "NULL::bigint"},
        permitting="'all'",
        switch="journal_sync_enabled",
        synced_at="last_journal_sync_at",
    ),
}


# The column of a connection that switches a kind on or off; other kinds have none and are always read.
SWITCHES: Mapping[Kind, str] = {
    **{kind: known.switch for kind, known in PUSHED.items()},
    Kind.payment: "payment_sync_enabled",
}


def of_every_kind(template: Callable[[Kind, PushedKind], str]) -> str:
    """One SELECT per kind, as a UNION ALL."""
    return "\nUNION ALL\n".join(template(kind, known) for kind, known in PUSHED.items())
