"""How mappings and runs look on the wire, and waiting for a run as long as the caller prefers."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from app.canonical import Kind
from app.db.mappings import RECORD_COLUMN
from app.edge.models import Answer, Moment, number

DEFAULT_WAIT, LONGEST_WAIT = 10.0, 30.0
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])")


class MappingAnswer(Answer):
    """One record of ours in one company. `sync_status` is synced, pending or error; `state` says it precisely."""

    mapping_id: int
    firm: int
    connection: int
    external_id: str | None
    sync_status: str
    state: str
    sync_error: str
    fault: dict[str, Any]
    external_metadata: dict[str, Any]
    synced_at: Moment | None
    created_at: Moment
    updated_at: Moment


class InvoiceMappingAnswer(MappingAnswer):
    """An invoice in one company; `external_total` is what the provider computed."""

    invoice: int
    external_number: str
    external_total: str | None


class CustomerMappingAnswer(MappingAnswer):
    """A client in one company."""

    client: int
    external_name: str


class JournalEntryMappingAnswer(MappingAnswer):
    """A journal entry in one company; `external_total` is the sum of its debits there."""

    journal_entry: int
    external_number: str
    external_total: str | None


AnyMappingAnswer = InvoiceMappingAnswer | CustomerMappingAnswer | JournalEntryMappingAnswer


class RunAnswer(Answer):
    """One execution of background work. `counts` say what was really done."""

    run_id: int
    connection: int
    action: str
    trigger: str
    state: str
    counts: dict[str, Any]
    error: dict[str, Any]
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


def mapping_answer(kind: Kind, row: Any) -> AnyMappingAnswer:
    """A mapping's row as its kind's answer."""
    shared = {**row._mapping}  # noqa: SLF001  SQLAlchemy's own name for it
    shared |= {"mapping_id": row.id, "firm": row.firm_id, "connection": row.connection_id}
    record_id = shared[RECORD_COLUMN[kind]]
    if kind is Kind.customer:
        return CustomerMappingAnswer.model_validate({**shared, "client": record_id})
    shown = None if row.external_total is None else number(row.external_total)
    if kind is Kind.journal_entry:
        return JournalEntryMappingAnswer.model_validate({**shared, "journal_entry": record_id, "external_total": shown})
    return InvoiceMappingAnswer.model_validate({**shared, "invoice": record_id, "external_total": shown})


def run_answer(row: Any) -> RunAnswer:
    """A run's row."""
    values: Mapping[str, Any] = row._mapping  # noqa: SLF001  SQLAlchemy's own name for it
    return RunAnswer.model_validate({**values, "run_id": row.id, "connection": row.connection_id})


def preferred_wait(request: Request) -> float:
    """Seconds to wait for a result: `Prefer: wait=n`, at most 30, else 10."""
    found = _PREFER_WAIT.search(request.headers.get("prefer", ""))
    return min(int(found.group(1)), LONGEST_WAIT) if found else DEFAULT_WAIT
