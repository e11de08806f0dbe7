"""Exports as the API and the pages ask for them: which records, and the answer that carries the file."""

from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.books.inputs import Day, Id, Word
from app.canonical import ProviderName, is_currency
from app.db import exports
from app.edge.files import FileAnswer
from app.edge.models import check_order
from app.errors import Invalid
from app.files.exporting import Export, export
from app.files.wishes import Kind, Wish
from app.runtime import Runtime

Region = Literal["us", "ca", "gb", "ie", "au", "nz", "sg", "za", "global"]


def _listed(value: object) -> object:
    """`ids=1,2` and `ids=1&ids=2` are the same."""
    if isinstance(value, str):
        value = [value]
    return [part for one in value for part in str(one).split(",")] if isinstance(value, list) else value


class ExportQuery(BaseModel):
    """Which records, and how the file is to be. Bounds are inclusive.

    `region` decides the order of dates and the words for a line without tax; the company's own if it is connected.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "journal_entries"
    status: Literal["posted", "approved"] = Field("posted", description="Of journal entries.")
    date_from: Day | None = None
    date_to: Day | None = None
    ids: Annotated[list[Id], BeforeValidator(_listed, json_schema_input_type=list[int])] | None = Field(
        None, max_length=10_000
    )
    currency: Word | None = None
    connection_id: Id | None = None
    region: Region | None = None
    include_exported: bool = Field(True, description="`false` leaves out entries that went out in such a file before.")
    split: Literal["zip"] | None = Field(None, description="Several files where the target has a row limit.")

    def wish(self, provider: ProviderName, format_: Literal["iif", "csv"]) -> Wish:
        """The same for a provider. Raises Invalid."""
        check_order("date_from", self.date_from, "date_to", self.date_to)
        if self.currency is not None and not is_currency(self.currency):
            raise Invalid(f"{self.currency!r} is not a currency of ISO 4217.", code="currency_unknown")
        given = self.model_dump(exclude={"format"})
        return Wish(provider=provider, format=format_, **given)


class QuickBooksQuery(ExportQuery):
    """`iif` is for QuickBooks Desktop, `csv` for QuickBooks Online."""

    format: Literal["iif", "csv"] = "iif"


class XeroQuery(ExportQuery):
    """Xero reads CSV alone."""

    format: Literal["csv"] = "csv"


HEADERS = {
    "X-Export-Id": "The export's log, at /api/v1/accounting/export-logs/{id}, with what was altered.",
    "X-Records": "How many records are in the file.",
    "X-Exported-Before": "How many of its entries went out in such a file before.",
    "X-Altered": "How many texts had to be altered.",
    "X-Content-SHA256": "The file's checksum.",
}


async def exported(runtime: Runtime, firm_id: int, wish: Wish, actor: str) -> FileAnswer:
    """Write the file and answer with it. Raises Invalid naming all that the format cannot hold."""
    return file_answer(runtime, firm_id, await export(runtime, firm_id, wish, actor=actor))


def file_answer(runtime: Runtime, firm_id: int, made: Export) -> FileAnswer:
    """The answer with a file that was written; its log says `complete` once it is taken to the end."""
    headers = {
        "X-Export-Id": str(made.log_id),
        "X-Records": str(made.records),
        "X-Exported-Before": str(made.exported_before),
        "X-Altered": str(made.altered),
        "X-Content-SHA256": made.checksum,
    }
    return FileAnswer(
        made.file,
        size=made.size,
        name=made.file_name,
        media_type=made.media_type,
        headers=headers,
        taken=partial(_delivered, runtime, firm_id, made.log_id),
    )


async def _delivered(runtime: Runtime, firm_id: int, log_id: int) -> None:
    """Only now do its entries count as exported."""
    async with runtime.db.firm(firm_id) as session:
        await exports.delivered(session, firm_id, log_id)
