"""What went out as files and what came in as files."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Json, OfFirm, Table, empty, json_object, of_firm


class ExportLog(OfFirm, Table):
    """One file that was written. `state`: prepared (written), complete (handed over to the last byte).

    `entries` holds the ids of its journal entries as ranges; they count as exported once it is complete.
    """

    __tablename__ = "export_logs"
    provider: Mapped[str]
    format: Mapped[str]
    kind: Mapped[str]
    connection_id: Mapped[int | None]
    filter: Mapped[Json] = json_object()
    requested_by: Mapped[str]
    file_name: Mapped[str]
    size: Mapped[int]
    checksum: Mapped[str]
    records: Mapped[int]
    lines: Mapped[int]
    totals: Mapped[Json] = json_object()
    exported_before: Mapped[int] = mapped_column(server_default="0")
    altered: Mapped[int] = mapped_column(Integer, server_default="0")
    alterations: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    entries: Mapped[Any] = mapped_column(INT8MULTIRANGE, server_default=text("'{}'::int8multirange"))
    state: Mapped[str] = mapped_column(server_default="prepared")
    delivered_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        of_firm("connection_id", "connections"),
        Index(None, "firm_id", "provider", "format"),
        CheckConstraint("state IN ('prepared','complete')", name="state"),
    )


class ImportBatch(OfFirm, Table):
    """One file that was read. `state`: imported, partial (without the rejected rows), refused, dry_run.

    `rejected` is the CSV of the rows that were not taken, with the reason. Refused and dry runs stored nothing else.
    """

    __tablename__ = "import_batches"
    provider: Mapped[str]
    format: Mapped[str]
    requested_by: Mapped[str]
    file_name: Mapped[str] = empty()
    size: Mapped[int]
    checksum: Mapped[str]
    imported: Mapped[int] = mapped_column(Integer, server_default="0")
    updated: Mapped[int] = mapped_column(Integer, server_default="0")
    unchanged: Mapped[int] = mapped_column(Integer, server_default="0")
    rejected_rows: Mapped[int] = mapped_column(Integer, server_default="0")
    errors: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    notes: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    rejected: Mapped[bytes]
    state: Mapped[str]
    __table_args__ = (
        UniqueConstraint("firm_id", "id"),
        CheckConstraint("state IN ('imported','partial','refused','dry_run')", name="state"),
    )
