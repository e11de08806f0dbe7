"""Reading Xero's tables: chart of accounts, manual journals."""

from app.files.formats import charts, types
from app.files.formats.escaping import split_number, unescape
from app.files.formats.journals import Group, Side, build
from app.files.formats.model import FileAccount, Format, Parsed
from app.files.formats.qbo import cell, note_dates
from app.files.formats.tables import Shape, Table, one_of
from app.files.formats.values import date_order, decimal_mark

ACCOUNTS = Shape(
    Format.xero_accounts,
    {
        "code": one_of("code"),
        "name": one_of("name"),
        "type": one_of("type"),
        "tax": one_of("taxcode", "taxrate", "taxtype"),
    },
    {
        "report_code": one_of("reportcode", "reportingcode"),
        "report_name": one_of("reportingname"),
        "description": one_of("description"),
        "dashboard": one_of("dashboard"),
        "claims": one_of("expenseclaims"),
        "payments": one_of("enablepayments"),
        "balance": one_of("balance"),
    },
)
JOURNAL = Shape(
    Format.xero_journal,
    {
        "narration": one_of("narration"),
        "date": one_of("date"),
        "account": one_of("accountcode"),
        "amount": one_of("amount", "lineamount"),
    },
    {
        "description": one_of("description"),
        "tax": one_of("taxrate", "taxtype", "taxratetype"),
        "tracking1": one_of("trackingname1"),
        "option1": one_of("trackingoption1"),
        "tracking2": one_of("trackingname2"),
        "option2": one_of("trackingoption2"),
    },
)


def accounts(table: Table, parsed: Parsed) -> None:
    """The accounts of a chart. A bank account may have no code; Xero has no levels."""
    kept = []
    for row in table.rows:
        kind = cell(row, table, "type")
        known = types.from_xero(kind)
        if known is None:
            words = ", ".join(sorted({one.xero for one in types.WORDS.values()}))
            parsed.troubles.append(charts.unknown_type(row.row, "*Type", kind, words))
            continue
        name = cell(row, table, "name")
        kept.append(
            FileAccount(
                row=row.row,
                code=charts.code_of(cell(row, table, "code")),
                name=name,
                path=name,
                parent="",
                type=known[0],
                vendor_type=kind,
                description=unescape(cell(row, table, "description")),
                system=known[1],
            )
        )
    parsed.accounts += charts.checked(kept, parsed.troubles, by_path=False, moved=parsed.crooked)


def journal(table: Table, parsed: Parsed, order: str) -> None:
    """The journals: rows with the same narration and date are one."""
    groups: dict[tuple[str, str], Group] = {}
    for row in table.rows:
        text, day = cell(row, table, "narration"), cell(row, table, "date")
        group = groups.get((text, day))
        if group is None:
            narration, number = split_number(unescape(text))
            group = groups[text, day] = Group(row=row.row, number=number, date=day, narration=narration)
        pairs = [(cell(row, table, f"tracking{n}"), cell(row, table, f"option{n}")) for n in (1, 2)]
        group.sides.append(
            Side(
                row=row.row,
                account=cell(row, table, "account"),
                amount=cell(row, table, "amount"),
                description=unescape(cell(row, table, "description")),
                tax=cell(row, table, "tax"),
                tracking=tuple((name, option) for name, option in pairs if name and option),
            )
        )
    found = list(groups.values())
    dates = date_order((group.date for group in found), order)
    mark = decimal_mark(side.amount for group in found for side in group.sides)
    built = build(found, order=dates, mark=mark, moved=parsed.crooked)
    parsed.entries += built.entries
    parsed.troubles += built.troubles
    parsed.notes += built.notes()
    note_dates(parsed, dates.order, proved=dates.proved, contradicted=dates.contradicted)
