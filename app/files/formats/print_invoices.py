"""Printing sales invoices in each vendor's own import format."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

from app.canonical import minor_digits
from app.files.formats import targets
from app.files.formats.print_lists import Job
from app.files.formats.printing import Layout, Sink, csv_head, fixed
from app.files.formats.targets import Target, Texts
from app.files.formats.values import MDY, date_text

QBO_COLUMNS = (
    "*InvoiceNo", "*Customer", "*InvoiceDate", "*DueDate", "Terms", "Location", "Memo", "Item(Product/Service)",
    "ItemDescription", "ItemQuantity", "ItemRate", "*ItemAmount", "Taxable", "TaxRate", "Service Date",
)  # fmt: skip
XERO_COLUMNS = (
    "*ContactName", "EmailAddress", "POAddressLine1", "POAddressLine2", "POAddressLine3", "POAddressLine4", "POCity",
    "PORegion", "POPostalCode", "POCountry", "*InvoiceNumber", "Reference", "*InvoiceDate", "*DueDate",
    "InventoryItemCode", "*Description", "*Quantity", "*UnitAmount", "Discount", "*AccountCode", "*TaxType",
    "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2", "Currency", "BrandingTheme",
)  # fmt: skip
_IIF_COLUMNS = "TRNSTYPE\tDATE\tACCNT\tNAME\tCLASS\tAMOUNT\tDOCNUM\tMEMO\tCLEAR"
IIF_HEAD = (
    f"!TRNS\tTRNSID\t{_IIF_COLUMNS}\tTOPRINT\tDUEDATE\r\n!SPL\tSPLID\t{_IIF_COLUMNS}\tQNTY\tPRICE\r\n!ENDTRNS\r\n"
)
_MEMO, _DESCRIPTION = 4000, 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line; `tracking` is by name."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    amount: Decimal
    account: str
    item: str
    tax: str
    tax_amount: Decimal
    service_date: date | None
    tracking: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """One invoice of ours."""

    number: str
    client: str
    email: str
    issued: date
    due: date
    currency: str
    tax_mode: str
    memo: str
    total: Decimal
    tax_total: Decimal
    lines: Sequence[LineRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Our codes by their names there. `receivable` and `sales_tax` are QuickBooks Desktop's accounts for both."""

    accounts: Mapping[str, Target]
    items: Mapping[str, tuple[str, str]]
    taxes: Mapping[str, str]
    receivable: str = ""
    sales_tax: str = ""


class _Checked:
    """Texts and dates of invoices, with what cannot be written refused by the invoice's number."""

    def __init__(self, job: Job, kind: str, codes: Codes) -> None:
        self.findings = job.findings
        self.texts = Texts(job.findings, kind, limit=_MEMO)
        self.codes = codes
        self._order = MDY if kind == targets.IIF else job.region.dates
        self._currency = ""

    def day(self, value: date | None) -> str:
        return date_text(value.isoformat(), self._order) if value else ""

    def refuse(self, row: InvoiceRow, field: str, code: str, message: str, value: str = "") -> None:
        self.findings.refuse(row.number, field, code, message, value)

    def one_currency(self, row: InvoiceRow) -> None:
        """The file has no column for it."""
        self._currency = self._currency or row.currency
        if row.currency != self._currency:
            message = f"The file has no column for a currency, and begins in {self._currency}; export by `currency`."
            self.refuse(row, "currency", "currency_unsupported", message, row.currency)

    def lost(self, row: InvoiceRow, field: str, message: str, value: str) -> None:
        """List what the format has no room for."""
        if value:
            self.findings.alter(row.number, field, message, value, "")

    def rate(self, row: InvoiceRow, tax: str) -> str:
        """How Xero displays the rate of a tax code."""
        rate = self.codes.taxes.get(tax, "")
        if not rate:
            message = "Map the tax code with external_name as Xero displays the rate."
            self.refuse(row, "tax_code", "tax_unmapped", message, tax)
        return self.texts.name(rate, row.number, "tax_code", limit=100)

    def tracked(self, row: InvoiceRow, line: LineRow, known: Sequence[str]) -> list[str]:
        """The values of a line's tracking by the names the file has columns for; others are refused."""
        values = dict.fromkeys(known, "")
        for name, value in line.tracking.items():
            at = next((one for one in known if one.casefold() == name.strip().casefold()), None)
            if at is None:
                message = f"The file has no column for {name!r}; it has {', '.join(known)}."
                self.refuse(row, "tracking", "tracking_unsupported", message, name)
            else:
                values[at] = self.texts.name(value, row.number, "tracking", limit=100)
        return list(values.values())

    def target(self, row: InvoiceRow, code: str) -> Target:
        target = self.codes.accounts.get(code)
        if target is None:
            what = "The account is neither mapped nor in the chart." if code else "The line names no account."
            self.refuse(row, "account_code", "account_unmapped", what, code)
            return Target(code="", name="")
        return target


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency's digits, or all it has."""
    plain = amount.normalize()
    exponent = plain.as_tuple().exponent
    return f"{plain:.{max(minor_digits(currency), -exponent if isinstance(exponent, int) else 0)}f}"


def plain(value: Decimal) -> str:
    """A quantity, price or percentage without trailing zeros."""
    return f"{value.normalize():f}"


def qbo(rows: Sequence[InvoiceRow], job: Job, codes: Codes) -> int:
    """QuickBooks Online's invoice import."""
    checked = _Checked(job, targets.CSV, codes)
    sink = Sink(job.file, Layout("quickbooks_invoices", "csv", csv_head(QBO_COLUMNS), limit=1000), zipped=job.zipped)
    write = csv.writer(SimpleNamespace(write=sink.out.append)).writerow
    for row in rows:
        checked.one_currency(row)
        if row.tax_mode == "inclusive":
            message = "The import takes amounts without tax; this invoice's hold it."
            checked.refuse(row, "tax_mode", "tax_mode_unsupported", message)
        number = checked.texts.name(row.number, row.number, "number", limit=21)
        client = checked.texts.name(row.client, row.number, "client", limit=100)
        memo = checked.texts.clean(row.memo, row.number, "memo")
        sink.turn(len(row.lines))
        for line in row.lines:
            item = checked.texts.name(codes.items.get(line.item, ("", ""))[1], row.number, "item_code", limit=500)
            (location,) = checked.tracked(row, line, ("Location",))
            if line.item and not item:
                message = "Map the item with external_name as QuickBooks calls it."
                checked.refuse(row, "item_code", "item_unmapped", message, line.item)
            if line.discount:
                job.findings.alter(
                    row.number, "discount_percent", "The import knows no discount; only the net amount is written",
                    plain(line.discount), "",
                )  # fmt: skip
            rate = ("", "") if line.discount else (plain(line.quantity), plain(line.unit_price))
            text = checked.texts.clean(line.description, row.number, "description", limit=_DESCRIPTION)
            percent = plain(line.tax_amount * 100 / line.amount) if line.tax_amount and line.amount else ""
            amounts = (*rate, money(line.amount, row.currency), "Y" if percent else "N", percent[:9])
            days = (checked.day(row.issued), checked.day(row.due))
            write((number, client, *days, "", location, memo, item, text, *amounts, checked.day(line.service_date)))
    sink.close()
    return sum(len(row.lines) for row in rows)


def xero(rows: Sequence[InvoiceRow], job: Job, codes: Codes) -> int:
    """Xero's sales invoices. Whether amounts hold tax is chosen at the import, so one file has one way."""
    checked = _Checked(job, targets.CSV, codes)
    sink = Sink(job.file, Layout("xero_invoices", "csv", csv_head(XERO_COLUMNS), limit=500), zipped=job.zipped)
    write = csv.writer(SimpleNamespace(write=sink.out.append)).writerow
    inclusive = {row.number for row in rows if row.tax_mode == "inclusive"}
    for row in rows:
        if row.number in inclusive and len(inclusive) < len(rows):
            message = "Some invoices hold tax in their amounts and others do not; export them apart, by ids."
            checked.refuse(row, "tax_mode", "tax_mode_mixed", message)
        number = checked.texts.name(row.number, row.number, "number", limit=255)
        client = checked.texts.name(row.client, row.number, "client", limit=255)
        email = checked.texts.clean(row.email, row.number, "email")
        memo = checked.texts.clean(row.memo, row.number, "memo", limit=255)
        sink.turn(1)
        for line in row.lines:
            target = checked.target(row, line.account)
            rate = checked.rate(row, line.tax) if line.tax else job.region.no_tax
            pairs = [
                checked.texts.name(part, row.number, "tracking", limit=100)
                for pair in line.tracking.items()
                for part in pair
            ]
            if len(pairs) > 4:
                message = "Xero has two tracking categories."
                checked.refuse(row, "tracking", "tracking_unsupported", message, ", ".join(pairs[::2]))
            if not line.description.strip():
                checked.refuse(row, "description", "description_missing", "Xero wants every line described.")
            checked.lost(row, "service_date", "Xero has no date of service", checked.day(line.service_date))
            item = checked.texts.name(codes.items.get(line.item, ("", ""))[0], row.number, "item_code", limit=30)
            code = checked.texts.name(target.code, row.number, "account_code", limit=10)
            text = checked.texts.clean(line.description, row.number, "description", limit=_DESCRIPTION)
            discount = plain(line.discount) if line.discount else ""
            write((
                client, email, *[""] * 8, number, memo, checked.day(row.issued), checked.day(row.due), item, text,
                plain(line.quantity), plain(line.unit_price), discount, code, rate,
                *(*pairs, "", "", "", "")[:4], row.currency, "",
            ))  # fmt: skip
    sink.close()
    return sum(len(row.lines) for row in rows)


def iif(rows: Sequence[InvoiceRow], job: Job, codes: Codes) -> int:
    """QuickBooks Desktop's invoices: the receivable is debited, income and tax are credited."""
    checked = _Checked(job, targets.IIF, codes)
    sink = Sink(job.file, Layout("quickbooks_invoices", "iif", fixed(IIF_HEAD), "cp1252"), zipped=job.zipped)
    count = 0
    for row in rows:
        checked.one_currency(row)
        if not codes.receivable:
            message = "The chart has no receivable account (type asset.receivable) to debit, or several."
            checked.refuse(row, "account_code", "receivable_missing", message)
        if row.tax_total and not codes.sales_tax:
            message = "The chart has no sales tax account (type liability.sales_tax) to credit, or several."
            checked.refuse(row, "tax_code", "sales_tax_missing", message)
        number = checked.texts.name(row.number, row.number, "number", limit=11)
        client = checked.texts.name(row.client, row.number, "client", limit=41)
        memo = checked.texts.clean(row.memo, row.number, "memo")
        day = checked.day(row.issued)
        sides = [_iif_side(checked, row, line) for line in row.lines]
        if row.tax_total:
            sides.append((codes.sales_tax, -row.tax_total, "", "", "", ""))
        sink.turn(len(sides) + 1)
        total = money(row.total, row.currency)
        sink.out.append(
            f"TRNS\t\tINVOICE\t{day}\t{codes.receivable}\t{client}\t\t{total}\t{number}\t{memo}\tN\tN\t{checked.day(row.due)}\r\n"
        )
        for account, amount, text, quantity, price, class_ in sides:
            cells = (account, "", class_, money(amount, row.currency), number, text, "N", quantity, price)
            sink.out.append(f"SPL\t\tINVOICE\t{day}\t" + "\t".join(cells) + "\r\n")
        sink.out.append("ENDTRNS\r\n")
        count += len(sides) + 1
    sink.close()
    return count


def _iif_side(checked: _Checked, row: InvoiceRow, line: LineRow) -> tuple[str, Decimal, str, str, str, str]:
    target = checked.target(row, line.account)
    for part in target.name.split(":"):
        checked.texts.name(part, row.number, "account_code", limit=31)
    net = line.amount - line.tax_amount if row.tax_mode == "inclusive" else line.amount
    text = checked.texts.clean(line.description, row.number, "description")
    (class_,) = checked.tracked(row, line, ("Class",))
    checked.lost(row, "item_code", "The sides of an IIF invoice name accounts, no items", line.item)
    checked.lost(row, "service_date", "IIF's invoices have no date of service", checked.day(line.service_date))
    return target.name, -net, text, plain(-line.quantity), plain(line.unit_price), class_
