"""When a connection reads what: payments by its frequency, other kinds by their own, and everything once a day."""

from datetime import datetime, timedelta
from typing import Any

from app.canonical import Kind
from app.db.kinds import SWITCHES
from app.providers.base import Capabilities

SWEPT_DAYS = 35  # how far back the daily sweep reads again; older documents are seldom touched, and feeds tell of them
_SWEPT = (
    Kind.customer,
    Kind.account,
    Kind.item,
    Kind.tax_rate,
    Kind.invoice,
    Kind.payment,
    Kind.journal_entry,
    Kind.bank_transaction,
)


def followed(capabilities: Capabilities) -> list[Kind]:
    """What a pull reads that names no kinds: what tells of payments, and what became of our invoices."""
    return list(dict.fromkeys((*capabilities.payment_sources, Kind.invoice)))


def switched_off(connection: Any) -> list[Kind]:
    """The kinds that nothing reads by itself."""
    return [kind for kind, switch in SWITCHES.items() if not getattr(connection, switch)]


def swept(connection: Any) -> list[Kind]:
    """What the daily sweep reads: every kind that is not switched off."""
    off = switched_off(connection)
    return [kind for kind in _SWEPT if kind not in off]


def moments(connection: Any) -> list[datetime | None]:
    """When the connection's own calendar next asks for something; None and past moments are due now or never asked."""
    scheduled = [connection.next_sync_at] if connection.payment_sync_enabled else []
    own, off = [], switched_off(connection)
    for kind, minutes in connection.frequencies.items():
        if kind in off:
            continue
        last = connection.kind_pulled.get(kind)
        start = datetime.fromisoformat(last) if last else connection.connected_at
        own.append(start + timedelta(minutes=int(minutes)))
    return [*scheduled, connection.next_nightly_at, *own]
