"""Printing lists: charts of accounts and clients, in each vendor's own import format."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from app.files.formats import targets, types
from app.files.formats.printing import Layout, Sink, csv_head, fixed
from app.files.formats.targets import Findings, Region, Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """An account of ours; `path` is its whole name, levels divided by `:`."""

    code: str
    name: str
    path: str
    type: str
    description: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRow:
    """A client of ours."""

    name: str
    email: str
    phone: str
    company: str
    tax_number: str
    notes: str
    address: Mapping[str, str]
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where a list goes."""

    file: IO[bytes]
    findings: Findings
    region: Region
    zipped: bool = False


IIF_ACCOUNTS = "!ACCNT\tNAME\tACCNTTYPE\tDESC\tACCNUM\tEXTRA\tHIDDEN\r\n"
IIF_CLIENTS = (
    "!CUST\tNAME\tBADDR1\tBADDR2\tBADDR3\tBADDR4\tBADDR5\tPHONE1\tEMAIL\tNOTEPAD\tCOMPANYNAME\tRESALENUM\tHIDDEN\r\n"
)
QBO_ACCOUNTS = ("Account Number", "Account Name", "Type", "Detail Type", "Description")
QBO_CLIENTS = (
    "Name", "Company", "Customer Type", "Email", "Phone", "Mobile", "Fax", "Website", "Street", "City", "State ",
    "ZIP", "Country", "Opening Balance", "Date", "Resale Number",
)  # fmt: skip
XERO_ACCOUNTS = (
    "*Code", "*Name", "*Type", "*Tax Code", "Description", "Dashboard", "Expense Claims", "Enable Payments", "Balance",
)  # fmt: skip
XERO_CLIENTS = (
    "*ContactName", "AccountNumber", "EmailAddress", "FirstName", "LastName", "POAttentionTo", "POAddressLine1",
    "POAddressLine2", "POAddressLine3", "POAddressLine4", "POCity", "PORegion", "POPostalCode", "POCountry",
    "PhoneNumber", "TaxNumber",
)  # fmt: skip
_LIST_LIMIT = 1000
_PHONE = re.compile(r"\+[\d ()./-]{3,20}", re.ASCII)
_IIF_LEVEL, _IIF_PATH, _IIF_CODE, _IIF_DESC, _IIF_CLIENT = 31, 159, 7, 200, 41
_QBO_CODE, _QBO_NAME, _QBO_DESC = 20, 100, 100
_XERO_CODE, _XERO_NAME, _XERO_DESC = 10, 150, 4000


def iif_accounts(rows: Sequence[ChartRow], job: Job) -> int:
    """QuickBooks Desktop's chart, parents before what lies under them."""
    texts = Texts(job.findings, targets.IIF, limit=_IIF_DESC)
    sink = Sink(job.file, Layout("quickbooks_accounts", "iif", fixed(IIF_ACCOUNTS), "cp1252"), zipped=job.zipped)
    for row in _by_depth(rows):
        words = types.WORDS[row.type]
        _one_level(texts, job.findings, row, _IIF_LEVEL, _IIF_PATH)
        code = texts.name(_number(job.findings, row, _IIF_CODE), row.code, "code", limit=_IIF_CODE)
        back = types.from_iif(words.iif, words.extra)
        _lossy(job.findings, row, words.iif, back)
        description = texts.clean(row.description, row.code, "description")
        sink.turn(1)
        hidden = "N" if row.active else "Y"
        cells = ("ACCNT", row.path, words.iif, description, code, words.extra, hidden)
        sink.out.append("\t".join(cells) + "\r\n")
    sink.close()
    return len(rows)


def qbo_accounts(rows: Sequence[ChartRow], job: Job) -> int:
    """QuickBooks Online's import template. Inactive accounts would be made active, so they stay out and are told."""
    texts = Texts(job.findings, targets.CSV, limit=_QBO_DESC)
    layout = Layout("quickbooks_accounts", "csv", csv_head(QBO_ACCOUNTS), limit=_LIST_LIMIT)

    def cells(row: ChartRow) -> Sequence[str]:
        words = types.WORDS[row.type]
        _one_level(texts, job.findings, row, _QBO_NAME, 500)
        if '"' in row.path:
            message = "QuickBooks takes no quotes in names."
            job.findings.refuse(row.code, "name", "unsupported_characters", message, row.path)
        code = texts.name(_number(job.findings, row, _QBO_CODE, point=False), row.code, "code", limit=_QBO_CODE)
        _lossy(job.findings, row, words.qbo, types.from_qbo(words.qbo, words.qbo_detail))
        description = texts.clean(row.description, row.code, "description")
        return code, row.path, words.qbo, words.qbo_detail, description

    return _table(_active(_by_depth(rows), job.findings), cells, Sink(job.file, layout, zipped=job.zipped))


def xero_accounts(rows: Sequence[ChartRow], job: Job) -> int:
    """Xero's chart. Accounts that are not in the file are archived there, so the inactive ones stay out."""
    texts = Texts(job.findings, targets.CSV, limit=_XERO_DESC)
    layout = Layout("xero_accounts", "csv", csv_head(XERO_ACCOUNTS))
    names: dict[str, str] = {}

    def cells(row: ChartRow) -> Sequence[str]:
        texts.name(row.name, row.code, "name", limit=_XERO_NAME)
        # A bank account needs no code at Xero, and one without a number is known by its name here.
        code = "" if row.code == row.path and row.type == "asset.bank" else row.code
        texts.name(code, row.code, "code", limit=_XERO_CODE)
        if names.setdefault(row.name.casefold(), row.code) != row.code:
            job.findings.refuse(row.code, "name", "duplicate_name", "Xero wants every name once.", row.name)
        if row.path != row.name:
            job.findings.alter(row.code, "parent_code", "Xero has no sub-accounts", row.path, row.name)
        kind = types.WORDS[row.type].xero
        back = types.from_xero(kind)
        _lossy(job.findings, row, kind, back[0] if back else None)
        kind = job.region.tax_account if kind == "Sales Tax" else kind
        description = texts.clean(row.description, row.code, "description")
        return code, row.name, kind, job.region.no_tax, description, "No", "No", "No", ""

    return _table(_active(rows, job.findings), cells, Sink(job.file, layout, zipped=job.zipped))


def iif_clients(rows: Sequence[ClientRow], job: Job) -> int:
    """QuickBooks Desktop's customers."""
    texts = Texts(job.findings, targets.IIF, limit=_IIF_CLIENT)
    sink = Sink(job.file, Layout("quickbooks_clients", "iif", fixed(IIF_CLIENTS), "cp1252"), zipped=job.zipped)
    for row in rows:
        name = texts.name(row.name, row.name, "name", limit=_IIF_CLIENT)
        if ":" in name:
            job.findings.refuse(name, "name", "unsupported_characters", "A colon would make a job of it.", name)
        city = " ".join(
            part for part in (row.address["city"], row.address["region"], row.address["postal_code"]) if part
        )
        lines = (row.name, row.address["line1"], row.address["line2"], city, row.address["country"])
        address = [texts.clean(line, name, "billing_address") for line in lines]
        more = [
            _phone(text) or texts.clean(text, name, field, limit=limit)
            for text, field, limit in (
                (row.phone, "phone", 21),
                (row.email, "email", 1023),
                (row.notes, "notes", 4000),
                (row.company, "company_name", 41),
                (row.tax_number, "tax_number", 15),
            )
        ]
        sink.turn(1)
        sink.out.append("\t".join(("CUST", name, *address, *more, "N" if row.active else "Y")) + "\r\n")
    sink.close()
    return len(rows)


def qbo_clients(rows: Sequence[ClientRow], job: Job) -> int:
    """QuickBooks Online's customers."""
    texts = Texts(job.findings, targets.CSV, limit=500)
    layout = Layout("quickbooks_clients", "csv", csv_head(QBO_CLIENTS), limit=_LIST_LIMIT)

    def cells(row: ClientRow) -> Sequence[str]:
        name = texts.name(row.name, row.name, "name", limit=100)
        at = {part: texts.clean(text, name, "billing_address") for part, text in row.address.items()}
        street = ", ".join(part for part in (at["line1"], at["line2"]) if part)
        company, email, phone, tax = _four(texts, row, name)
        place = (at["city"], at["region"], at["postal_code"], at["country"])
        return name, company, "", email, phone, "", "", "", street, *place, "", "", tax

    return _table([row for row in rows if row.active], cells, Sink(job.file, layout, zipped=job.zipped))


def xero_clients(rows: Sequence[ClientRow], job: Job) -> int:
    """Xero's contacts."""
    texts = Texts(job.findings, targets.CSV, limit=255)
    layout = Layout("xero_clients", "csv", csv_head(XERO_CLIENTS))

    def cells(row: ClientRow) -> Sequence[str]:
        name = texts.name(row.name, row.name, "name", limit=255)
        at = {part: texts.clean(text, name, "billing_address") for part, text in row.address.items()}
        _, email, phone, tax = _four(texts, row, name)
        place = (at["city"], at["region"], at["postal_code"], at["country"])
        return name, "", email, "", "", "", at["line1"], at["line2"], "", "", *place, phone, tax

    return _table([row for row in rows if row.active], cells, Sink(job.file, layout, zipped=job.zipped))


def _four(texts: Texts, row: ClientRow, name: str) -> list[str]:
    """Company, e-mail, phone, tax number. A phone number may begin with a plus, and is text all the same."""
    given = (row.company, "company_name"), (row.email, "email"), (row.phone, "phone"), (row.tax_number, "tax_number")
    return [_phone(text) or texts.clean(text, name, field) for text, field in given]


def _phone(text: str) -> str:
    """A text that is a phone number and nothing else; empty for any other."""
    return text if _PHONE.fullmatch(text) else ""


def _table(rows: Iterable[ChartRow] | Iterable[ClientRow], cells: Callable[..., Sequence[str]], sink: Sink) -> int:
    count = 0
    for row in rows:
        sink.turn(1)
        line = io.StringIO()
        csv.writer(line).writerow(cells(row))
        sink.out.append(line.getvalue())
        count += 1
    sink.close()
    return count


def _by_depth(rows: Sequence[ChartRow]) -> list[ChartRow]:
    return sorted(rows, key=lambda row: (row.path.count(":"), row.code))


def _active(rows: Sequence[ChartRow], findings: Findings) -> list[ChartRow]:
    for row in rows:
        if not row.active:
            findings.alter(row.code, "active", "An archived account is left out", row.path, "")
    return [row for row in rows if row.active]


def _one_level(texts: Texts, findings: Findings, row: ChartRow, level: int, whole: int) -> None:
    texts.name(row.name, row.code, "name", limit=level)
    if ":" in row.name:
        message = "A colon divides an account from what lies under it, so no name may hold one."
        findings.refuse(row.code, "name", "unsupported_characters", message, row.name)
    if len(row.path) > whole:
        findings.refuse(row.code, "name", "too_long", f"The whole name has more than {whole} characters.", row.path)


def _number(findings: Findings, row: ChartRow, limit: int, *, point: bool = True) -> str:
    """The account's number; a code that is its name, or too long, is none."""
    if row.code == row.path:
        return ""
    if len(row.code) > limit:
        findings.alter(row.code, "code", f"Account numbers have at most {limit} characters; left out", row.code, "")
        return ""
    if "." in row.code and not point:
        findings.alter(row.code, "code", "QuickBooks takes no point in account numbers; left out", row.code, "")
        return ""
    return row.code


def _lossy(findings: Findings, row: ChartRow, word: str, back: str | None) -> None:
    if back != row.type:
        findings.alter(row.code, "type", "The format has no closer type", row.type, word)
