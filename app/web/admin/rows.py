"""What the operator's lists show, as rows mapped onto joins: a record beside its firm and company, no sealed column."""

from typing import Any

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import DeclarativeBase

from app.db.ledger_tables import JournalEntry, JournalEntrySyncMapping
from app.db.sync_tables import CustomerSyncMapping, InvoiceSyncMapping, SyncRun, WebhookEvent
from app.db.tables import ApiKey, AuditEvent, Client, Connection, Firm, Grant, Invoice


class Rows(DeclarativeBase):
    """Apart from the tables' own base: nothing here is created or migrated."""


def _mapped(query: Any, name: str) -> dict[str, Any]:
    """The attributes of a class over a query, known by the query's `id`. The class's name makes the admin's address."""
    rows = query.subquery(name)
    return {"__table__": rows, "__mapper_args__": {"primary_key": [rows.c.id]}}


def _with_mapping(mapping: Any) -> tuple[Any, ...]:
    """What every list of mappings shows."""
    return (
        mapping.id,
        mapping.firm_id,
        Firm.name.label("firm"),
        mapping.connection_id,
        Connection.provider,
        Connection.company_name.label("connection"),
        mapping.external_id,
        mapping.sync_status,
        mapping.state,
        mapping.sync_error,
        mapping.fault,
        mapping.external_metadata,
        mapping.accepted_at,
        mapping.synced_at,
        mapping.created_at,
        mapping.updated_at,
    )


def _placed(query: Any, mapping: Any) -> Any:
    return query.join(Firm, Firm.id == mapping.firm_id).join(Connection, Connection.id == mapping.connection_id)


_TOKEN = case(
    (Connection.grant_id.is_(None), literal("not set")),
    else_=func.concat("set · expires ", func.to_char(Grant.access_expires_at, 'YYYY-MM-DD HH24:MI "UTC"')),
)

ConnectionRow: Any = type(
    "Connections",
    (Rows,),
    _mapped(
        select(
            Connection.id,
            Connection.firm_id,
            Firm.name.label("firm"),
            Connection.subject,
            Connection.provider,
            Connection.environment,
            Connection.company_id,
            Connection.company_name,
            Connection.company,
            Connection.readiness,
            Connection.status,
            Connection.error_code,
            Connection.error_message,
            _TOKEN.label("access_token"),
            case((Connection.grant_id.is_(None), literal("not set")), else_=literal("set")).label("refresh_token"),
            Grant.scope.label("scopes"),
            Grant.access_expires_at.label("token_expires_at"),
            Grant.refreshed_at,
            Connection.sync_enabled,
            Connection.invoice_sync_enabled,
            Connection.payment_sync_enabled,
            Connection.customer_sync_enabled,
            Connection.journal_sync_enabled,
            Connection.frequency_minutes,
            Connection.update_policy,
            Connection.last_invoice_sync_at,
            Connection.last_payment_sync_at,
            Connection.last_customer_sync_at,
            Connection.next_sync_at,
            Connection.throttled_until,
            Connection.connected_at,
            Connection.revoked_at,
            Connection.created_at,
            Connection.updated_at,
        )
        .join(Firm, Firm.id == Connection.firm_id)
        .outerjoin(Grant, Grant.id == Connection.grant_id),
        "connection_rows",
    ),
)
InvoiceMappingRow: Any = type(
    "InvoiceMappings",
    (Rows,),
    _mapped(
        _placed(
            select(
                *_with_mapping(InvoiceSyncMapping),
                Invoice.number.label("record"),
                InvoiceSyncMapping.external_number,
                InvoiceSyncMapping.external_total,
                Invoice.total,
                Invoice.currency,
            ),
            InvoiceSyncMapping,
        ).join(Invoice, Invoice.id == InvoiceSyncMapping.invoice_id),
        "invoice_mapping_rows",
    ),
)
CustomerMappingRow: Any = type(
    "CustomerMappings",
    (Rows,),
    _mapped(
        _placed(
            select(
                *_with_mapping(CustomerSyncMapping),
                Client.name.label("record"),
                Client.email,
                CustomerSyncMapping.external_name,
            ),
            CustomerSyncMapping,
        ).join(Client, Client.id == CustomerSyncMapping.client_id),
        "customer_mapping_rows",
    ),
)
JournalMappingRow: Any = type(
    "JournalMappings",
    (Rows,),
    _mapped(
        _placed(
            select(
                *_with_mapping(JournalEntrySyncMapping),
                JournalEntry.number.label("record"),
                JournalEntrySyncMapping.external_number,
                JournalEntrySyncMapping.external_total,
                JournalEntry.total,
                JournalEntry.currency,
            ),
            JournalEntrySyncMapping,
        ).join(JournalEntry, JournalEntry.id == JournalEntrySyncMapping.journal_entry_id),
        "journal_mapping_rows",
    ),
)
RunRow: Any = type(
    "Runs",
    (Rows,),
    _mapped(
        _placed(
            select(
                SyncRun.id,
                SyncRun.firm_id,
                Firm.name.label("firm"),
                SyncRun.connection_id,
                Connection.provider,
                Connection.company_name.label("connection"),
                SyncRun.action,
                SyncRun.trigger,
                SyncRun.state,
                SyncRun.requested_by,
                SyncRun.params,
                SyncRun.counts,
                SyncRun.error,
                SyncRun.attempts,
                SyncRun.created_at,
                SyncRun.started_at,
                SyncRun.finished_at,
            ),
            SyncRun,
        ),
        "run_rows",
    ),
)
EventRow: Any = type(
    "WebhookEvents",
    (Rows,),
    _mapped(
        select(
            WebhookEvent.id,
            WebhookEvent.firm_id,
            Firm.name.label("firm"),
            WebhookEvent.connection_id,
            WebhookEvent.provider,
            WebhookEvent.company_id,
            WebhookEvent.kind,
            WebhookEvent.external_id,
            WebhookEvent.operation,
            WebhookEvent.state,
            WebhookEvent.reason,
            WebhookEvent.failures,
            WebhookEvent.duplicates,
            WebhookEvent.occurred_at,
            WebhookEvent.created_at,
            WebhookEvent.handled_at,
        ).outerjoin(Firm, Firm.id == WebhookEvent.firm_id),
        "event_rows",
    ),
)
FirmRow: Any = type(
    "Firms",
    (Rows,),
    _mapped(
        select(
            Firm.id,
            Firm.name,
            Firm.time_zone,
            Firm.sync_enabled,
            Firm.frequency_minutes,
            Firm.update_policy,
            Firm.default_connection_id,
            Firm.created_at,
            Firm.updated_at,
        ),
        "firm_rows",
    ),
)
KeyRow: Any = type(
    "ApiKeys",
    (Rows,),
    _mapped(
        select(
            ApiKey.id,
            ApiKey.firm_id,
            Firm.name.label("firm"),
            ApiKey.name,
            ApiKey.prefix,
            ApiKey.role,
            ApiKey.expires_at,
            ApiKey.revoked_at,
            ApiKey.last_used_at,
        ).join(Firm, Firm.id == ApiKey.firm_id),
        "key_rows",
    ),
)
AuditRow: Any = type(
    "Audit",
    (Rows,),
    _mapped(
        select(
            AuditEvent.id,
            AuditEvent.firm_id,
            Firm.name.label("firm"),
            AuditEvent.actor,
            AuditEvent.action,
            AuditEvent.subject,
            AuditEvent.details,
            AuditEvent.created_at,
        ).join(Firm, Firm.id == AuditEvent.firm_id),
        "audit_rows",
    ),
)
