"""The tables' own numbers among the metrics: read when they are asked for, at most every few seconds."""

import asyncio
import time
from collections.abc import Iterable

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.db import gauges
from app.db.gauges import Gauge
from app.db.session import Database

FRESH_SECONDS = 5.0
PATIENCE_SECONDS = 3.0
_SAYS = {
    "tieout_records": "Records that are owed or failed, by kind and state.",
    "tieout_records_oldest_seconds": "Age of the oldest of them.",
    "tieout_connections": "Connections by provider and status.",
    "tieout_provider_calls": "Calls made to providers since their connections began, by outcome.",
    "tieout_provider_calls_today_most": "Calls of today (UTC) of the company that made most: the vendors limit each.",
    "tieout_provider_calls_this_month": "Calls of this month (UTC) of all companies: the vendors charge for them.",
    "tieout_token_refreshes": "Renewals of tokens since the consents that hold now.",
    "tieout_provider_bytes_in": "Bytes received from providers since their connections began.",
    "tieout_write_attempts_last_hour": "Outcomes of writes of the last hour.",
    "tieout_webhook_events": "Webhook events that wait or were parked.",
    "tieout_runs_open": "Runs queued or running.",
    "tieout_grants": "Grants by status.",
    "tieout_queue": "Bells that wait and turns under way.",
    "tieout_queue_oldest_seconds": "Age of the oldest bell that waits.",
    "tieout_database_up": "Whether the database answered.",
}
_log = structlog.get_logger(__name__)


class TableGauges(Collector):
    """Hands the last numbers read to Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._found: list[Gauge] = []
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        registry.register(self)

    async def refresh(self, database: Database) -> None:
        """Read anew unless it was done a moment ago; a database that is away is told as such."""
        async with self._lock:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    async with database.operator() as session:
                        found = await gauges.read(session)
                    async with database.system() as session:
                        found += await gauges.queue(session)
                self._found = [*found, ("tieout_database_up", {}, 1)]
            except Exception as error:  # noqa: BLE001  metrics must come most of all when something is wrong
                _log.warning("gauges_not_read", reason=type(error).__name__)
                self._found = [("tieout_database_up", {}, 0)]
            self._read_at = time.monotonic()

    def collect(self) -> Iterable[Metric]:
        """The numbers as families."""
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in self._found:
            if name not in families:
                families[name] = GaugeMetricFamily(name, _SAYS[name], labels=list(labels))
            families[name].add_metric(list(labels.values()), value)
        return families.values()
