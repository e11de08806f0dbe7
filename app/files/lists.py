"""Charts of accounts, clients and sales invoices of the books as the printers take them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

from app.db import file_codes, invoices
from app.db.code_mappings import CodeKind
from app.db.session import Session
from app.errors import Invalid
from app.files import planning
from app.files.formats import print_invoices, print_lists
from app.files.formats.print_invoices import Codes, InvoiceRow, LineRow
from app.files.formats.print_lists import ChartRow, ClientRow, Job
from app.files.formats.targets import Findings, Target
from app.files.planning import Place
from app.files.wishes import Counted, Wish

_LISTS: Mapping[tuple[str, str, str], Callable[..., int]] = {
    ("quickbooks", "iif", "accounts"): print_lists.iif_accounts,
    ("quickbooks", "csv", "accounts"): print_lists.qbo_accounts,
    ("xero", "csv", "accounts"): print_lists.xero_accounts,
    ("quickbooks", "iif", "clients"): print_lists.iif_clients,
    ("quickbooks", "csv", "clients"): print_lists.qbo_clients,
    ("xero", "csv", "clients"): print_lists.xero_clients,
}
_INVOICES: Mapping[tuple[str, str], Callable[..., int]] = {
    ("quickbooks", "iif"): print_invoices.iif,
    ("quickbooks", "csv"): print_invoices.qbo,
    ("xero", "csv"): print_invoices.xero,
}
_MOST = {("quickbooks", "csv", "accounts"): 1000, ("quickbooks", "csv", "clients"): 1000,
         ("quickbooks", "csv", "invoices"): 1000, ("xero", "csv", "invoices"): 500}  # fmt: skip
_PAGE = 500
_SENT = frozenset({"approved", "partially_paid", "paid"})
_ADDRESS = ("line1", "line2", "city", "region", "postal_code", "country")


async def print_list(session: Session, firm_id: int, wish: Wish, place: Place, file: IO[bytes]) -> Counted:
    """Print what is no journal. Raises Invalid with code `too_many_rows` beyond what the target takes at a time."""
    findings = Findings()
    job = Job(file=file, findings=findings, region=place.region, zipped=wish.split is not None)
    if wish.kind == "invoices":
        rows = await _invoices(session, firm_id, wish)
        codes = await _codes(session, firm_id, wish, place)
        counted = len(rows) if wish.provider == "xero" else sum(len(row.lines) for row in rows)
        _refuse_many(wish, counted)
        lines = await asyncio.to_thread(_INVOICES[wish.provider, wish.format], rows, job, codes)
        totals: dict[str, Decimal] = {}
        for row in rows:
            totals[row.currency] = totals.get(row.currency, Decimal(0)) + row.total
        return Counted(findings, len(rows), lines, totals)
    read = _chart if wish.kind == "accounts" else _clients
    found = await read(session, firm_id)
    _refuse_many(wish, len(found))
    count = await asyncio.to_thread(_LISTS[wish.provider, wish.format, wish.kind], found, job)
    return Counted(findings, count, count, {})


def _refuse_many(wish: Wish, count: int) -> None:
    most = _MOST.get((wish.provider, wish.format, wish.kind), 0)
    if most and wish.split is None and count > most:
        refuse_many(count, most)


def refuse_many(rows: int, limit: int) -> None:
    """Raise Invalid naming the way out."""
    raise Invalid(
        f"The file would have {rows:,} rows; the target takes {limit:,} at a time.",
        code="too_many_rows",
        who="bookkeeper",
        fix="Ask for split=zip, which makes several files and cuts between records, or narrow the dates.",
        errors=[{"pointer": "/query/split", "code": "too_many_rows", "message": "split=zip makes several files"}],
    )


async def _chart(session: Session, firm_id: int) -> Sequence[ChartRow]:
    rows = await file_codes.chart(session, firm_id)
    named = planning.paths(rows)
    return [
        ChartRow(
            code=row.code,
            name=row.name,
            path=named[row.code],
            type=row.type,
            description=row.description,
            active=row.active,
        )
        for row in rows
    ]


async def _clients(session: Session, firm_id: int) -> Sequence[ClientRow]:
    return [
        ClientRow(
            name=row.name,
            email=row.email,
            phone=row.phone,
            company=row.company_name,
            tax_number=row.tax_number,
            notes=row.notes,
            address={part: str(row.billing_address.get(part) or "") for part in _ADDRESS},
            active=row.active,
        )
        for row in await file_codes.clients(session, firm_id)
    ]


async def _invoices(session: Session, firm_id: int, wish: Wish) -> list[InvoiceRow]:
    """Invoices that were sent out, paid or not, in order of id."""
    wanted = set(wish.ids) if wish.ids is not None else None
    filters = invoices.Filters(issued_from=wish.date_from, issued_to=wish.date_to)
    clients = {row.id: row for row in await file_codes.clients(session, firm_id)}
    found: list[InvoiceRow] = []
    after: int | None = None
    while rows := await invoices.page(session, firm_id, filters, after=after, limit=_PAGE):
        after = rows[-1].id
        chosen = [row for row in rows if row.status in _SENT and (wanted is None or row.id in wanted)]
        chosen = [row for row in chosen if wish.currency in (None, row.currency)]
        lines = await invoices.lines_of(session, firm_id, [row.id for row in chosen])
        found += [_invoice(row, clients[row.client_id], lines[row.id]) for row in chosen]
    return found


def _invoice(row: Any, client: Any, lines: Sequence[Any]) -> InvoiceRow:
    return InvoiceRow(
        number=row.number,
        client=client.name,
        email=client.email,
        issued=row.issue_date,
        due=row.due_date,
        currency=row.currency,
        tax_mode=row.tax_mode,
        memo=row.memo,
        total=row.total,
        tax_total=row.tax_total,
        lines=[
            LineRow(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                discount=line.discount_percent,
                amount=line.amount,
                account=line.account_code,
                item=line.item_code,
                tax=line.tax_code,
                tax_amount=line.tax_amount,
                service_date=line.service_date,
                tracking=line.tracking,
            )
            for line in lines
        ],
    )


async def _codes(session: Session, firm_id: int, wish: Wish, place: Place) -> Codes:
    accounts = await planning.accounts(session, firm_id, place)
    return Codes(
        accounts=accounts,
        items=await file_codes.mapped(session, firm_id, CodeKind.item, wish.provider, place.connection_id),
        taxes=await planning.taxes(session, firm_id, place),
        receivable=_only(accounts, "asset.receivable"),
        sales_tax=_only(accounts, "liability.sales_tax"),
    )


def _only(accounts: Mapping[str, Target], kind: str) -> str:
    """The name of the one account of a type; empty where there is none, or a choice."""
    names = {target.name for target in accounts.values() if target.type == kind}
    return names.pop() if len(names) == 1 else ""
