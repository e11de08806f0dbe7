"""Imports as the API and the pages ask for them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.books.inputs import Id, Word
from app.canonical import ProviderName, is_currency
from app.edge.exported import Region
from app.errors import Invalid
from app.files.importing import Upload


class ImportQuery(BaseModel):
    """How to take a file. All of it is stored or nothing, unless `partial`."""

    model_config = ConfigDict(extra="forbid")

    partial: bool = Field(False, description="Store the good rows and leave the others out.")
    dry_run: bool = Field(False, description="Only say what would happen.")
    connection_id: Id | None = None
    region: Region | None = None
    date_order: Literal["mdy", "dmy"] | None = Field(
        None, description="Of dates in figures, where no day above 12 proves it."
    )
    currency: Word | None = Field(None, description="Of journal entries, where the file does not say.")

    def upload(self, provider: ProviderName, data: bytes, file_name: str) -> Upload:
        """The same with a file. Raises Invalid with code `currency_unknown`."""
        if self.currency is not None and not is_currency(self.currency):
            raise Invalid(f"{self.currency!r} is not a currency of ISO 4217.", code="currency_unknown")
        given = self.model_dump(exclude={"date_order"})
        return Upload(provider=provider, data=data, file_name=file_name, order=self.date_order, **given)
