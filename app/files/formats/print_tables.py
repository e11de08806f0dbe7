"""Printing journals as tables: QuickBooks Online's journal file, Xero's manual journals."""

import csv
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import IO, ClassVar

from app.files.formats.escaping import with_number
from app.files.formats.journal_printing import MOST_MEMO, Journal, Row
from app.files.formats.printing import Layout, csv_head
from app.files.formats.targets import Plan


class CsvJournal(Journal):
    """Rows through csv.writer, straight into the sink."""

    columns: ClassVar[Sequence[str]]

    def __init__(self, file: IO[bytes], plan: Plan, *, zipped: bool = False) -> None:
        super().__init__(file, plan, zipped=zipped)
        self.write = csv.writer(SimpleNamespace(write=self.sink.out.append)).writerow

    def layout(self) -> Layout:
        """The row of column names."""
        return Layout(f"{self.provider}_export", "csv", csv_head(self.columns), limit=self.limit)


class QboJournal(CsvJournal):
    """QuickBooks Online's journal import: debit or credit filled, never 0; names with their levels."""

    provider = "quickbooks"
    limit = 1000
    columns = (
        "*JournalNo", "*JournalDate", "*AccountName", "*Debits", "*Credits", "Description", "Name", "Currency",
        "Location", "Class", "Memo",
    )  # fmt: skip

    def account(self, code: str) -> str:
        """By its whole name; numbers must be off in QuickBooks for an import."""
        return self.by_name(code, 100, 500)

    def print(self, rows: Sequence[Row]) -> None:
        """Print one entry; in the USA date and currency stand on its first row alone, as in Intuit's sample."""
        fine, names, texts, write = self.texts.fine, self.names, self.texts, self.write
        _, number, iso, narration, currency, *_ = rows[0]
        day = self.day(iso)
        if len(number) > 21 or not fine(number):
            number = texts.name(number, self._number, "number", limit=21)
        if narration and not fine(narration):
            narration = texts.clean(narration, self._number, "narration")
        once = self.plan.region.dates == "mdy"
        for row in rows:
            _, _, _, _, _, _, code, amount, text, client, tax, tracking = row
            if text and not fine(text):
                text = texts.clean(text, self._number, "description")
            if tax:
                self.untaxed(tax)
            account = names[code]
            name = self.client(client, code, 100) if client or code in self.nameless else ""
            location, classes = self.tracked(tracking, ("Location", "Class")) if tracking else ("", "")
            debit, credit = ("", amount[1:]) if amount[0] == "-" else (amount, "")
            write((number, day, account, debit, credit, text, name, currency, location, classes, narration))
            if once:
                day = currency = ""
            narration = ""


class XeroJournal(CsvJournal):
    """Xero's manual journals: rows with one narration and date are one journal, so the narration bears the number."""

    provider = "xero"
    limit = 300
    columns = (
        "*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount",
        "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2",
    )  # fmt: skip
    _FORBIDDEN: ClassVar[frozenset[str]] = frozenset({"asset.bank", "asset.receivable", "liability.payable"})

    def __init__(self, file: IO[bytes], plan: Plan, *, zipped: bool = False) -> None:
        super().__init__(file, plan, zipped=zipped)
        self._rates: dict[str, str] = {}

    def account(self, code: str) -> str:
        """By its code. Bank, receivables and payables take no manual journal at Xero."""
        target = self.target(code)
        if target is None:
            return ""
        if target.type in self._FORBIDDEN:
            message = "Xero takes no manual journal on bank accounts, receivables or payables."
            self.findings.refuse_once(code, "account_code", "account_forbidden", message)
        elif target.type == "liability.credit_card" and not target.mapped:
            message = (
                "A credit card is a bank account at Xero, and takes no manual journal, unless a mapping says more."
            )
            self.findings.refuse_once(code, "account_code", "account_forbidden", message)
        elif not target.code:
            message = "The mapping has no code, and Xero's journals name accounts by code alone."
            self.findings.refuse_once(code, "account_code", "account_unnamed", message)
        return self.texts.name(target.code, code, "account_code", limit=10)

    def print(self, rows: Sequence[Row]) -> None:
        """Print one entry."""
        fine, names, texts, write = self.texts.fine, self.names, self.texts, self.write
        plain_tax = self.plan.region.no_tax
        _, number, iso, narration, currency, *_ = rows[0]
        if currency != self.currency:
            self.one_currency(currency)
        day = self.day(iso)
        if "[" in number or "]" in number or not fine(number):
            plain = texts.clean(number, self._number, "number").replace("[", "(").replace("]", ")")
            if plain != number:
                self.findings.alter(self._number, "number", "brackets would end the number", number, plain)
            number = plain
        heading = with_number(narration, number)
        if not fine(heading):
            heading = texts.clean(heading, self._number, "narration", limit=MOST_MEMO + 300)
        for row in rows:
            _, _, _, _, _, _, code, amount, text, client, tax, tracking = row
            if text and not fine(text):
                text = texts.clean(text, self._number, "description")
            if client:
                self.findings.alter(self._number, "client", "Xero's manual journals name no contact", client, "")
            rate = plain_tax
            if tax:
                rate = self._rates.get(tax) or self._rate(tax)
            write(
                (heading, day, text, names[code], rate, amount, *(self._options(tracking) if tracking else ("",) * 4))
            )

    def _rate(self, tax: str) -> str:
        """How Xero displays a rate, found out and checked once."""
        rate = self.plan.taxes.get(tax, "")
        if not rate:
            message = "Map the tax code with external_name as Xero displays the rate."
            self.findings.refuse_once(tax, "tax_code", "tax_unmapped", message)
        self._rates[tax] = rate
        return self.texts.name(rate, tax, "tax_code", limit=100)

    def _options(self, text: str) -> tuple[str, ...]:
        pairs = [
            self.texts.name(str(part), self._number, "tracking", limit=100)
            for pair in json.loads(text).items()  # texts, no amounts
            for part in pair
        ]
        if len(pairs) > 4:
            message = "Xero has two tracking categories."
            self.findings.refuse(self._number, "tracking", "tracking_unsupported", message, ", ".join(pairs[::2]))
        return (*pairs, "", "", "", "")[:4]
