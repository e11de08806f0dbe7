"""Reading QuickBooks Online's tables: Account List report, import template, journal import file."""

from collections.abc import Sequence

from app.files.formats import charts, types
from app.files.formats.escaping import unescape
from app.files.formats.journals import Group, Side, build
from app.files.formats.model import Cells, FileAccount, Format, Parsed
from app.files.formats.tables import Shape, Table, one_of
from app.files.formats.values import date_order, decimal_mark

ACCOUNTS = Shape(
    Format.qbo_accounts,
    {
        "name": one_of("fullname", "accountname", "account", "name"),
        "type": one_of("type", "accounttype"),
    },
    {
        "code": one_of("account#", "accountnumber", "number", "accountno", "accountcode"),
        "detail": one_of("detailtype", "accountdetailtype", "subtype"),
        "description": one_of("description"),
        "currency": one_of("currency"),
        "balance": one_of("totalbalance", "balance", "openingbalance"),
        "date": one_of("date", "asof", "openingbalancedate"),
    },
)
JOURNAL = Shape(
    Format.qbo_journal,
    {
        "number": one_of("journalno", "journalnumber", "journalentryno", "journal#"),
        "date": one_of("journaldate", "date", "transactiondate"),
        "account": one_of("accountname", "account", "fullname"),
        "debit": one_of("debits", "debit", "debitamount"),
        "credit": one_of("credits", "credit", "creditamount"),
    },
    {
        "memo": one_of("memo", "journalmemo"),
        "description": one_of("description", "linedescription", "memodescription"),
        "name": one_of("name", "customer"),
        "currency": one_of("currency", "currencycode"),
        "location": one_of("location", "department"),
        "class": one_of("class"),
        "tax": one_of("taxcode", "salestax", "tax"),
    },
)
_DELETED = " (deleted)"


def cell(row: Cells, table: Table, name: str) -> str:
    """A row's cell by our name of its column; empty where row or table has none."""
    at = table.places.get(name)
    return row.cells[at].strip() if at is not None and at < len(row.cells) else ""


def accounts(table: Table, parsed: Parsed) -> None:
    """The accounts of a report or template."""
    kept = []
    for row in table.rows:
        kind, detail = cell(row, table, "type"), cell(row, table, "detail")
        ours = types.from_qbo(kind, detail)
        if ours is None:
            known = ", ".join(sorted({words.qbo for words in types.WORDS.values()}))
            parsed.troubles.append(charts.unknown_type(row.row, "Type", kind, known))
            continue
        full = cell(row, table, "name")
        path = charts.path_of(full.removesuffix(_DELETED))
        kept.append(
            FileAccount(
                row=row.row,
                code=charts.code_of(cell(row, table, "code")),
                name=path.rpartition(":")[2],
                path=path,
                parent=path.rpartition(":")[0],
                type=ours,
                vendor_type=kind,
                description=unescape(cell(row, table, "description")),
                currency=cell(row, table, "currency"),
                active=False if full.endswith(_DELETED) else None,
            )
        )
    parsed.accounts += charts.checked(kept, parsed.troubles, by_path=True, moved=parsed.crooked)


def journal(table: Table, parsed: Parsed, order: str) -> None:
    """The entries of a journal import file: rows with one number, dated by the first that has a date."""
    groups: dict[str, Group] = {}
    open_group: Group | None = None
    for row in table.rows:
        number = cell(row, table, "number")
        if number or open_group is None:
            open_group = groups.setdefault(number, Group(row=row.row, number=number))
        _add(open_group, row, table)
    take(list(groups.values()), parsed, order)


def take(groups: Sequence[Group], parsed: Parsed, order: str) -> None:
    """Entries from groups with debits and credits; what is wrong with the others."""
    dates = date_order((side.date for group in groups for side in group.sides), order)
    mark = decimal_mark(text for group in groups for side in group.sides for text in (side.debit, side.credit))
    built = build(groups, order=dates, mark=mark, moved=parsed.crooked)
    parsed.entries += built.entries
    parsed.troubles += built.troubles
    parsed.notes += built.notes()
    note_dates(parsed, dates.order, proved=dates.proved, contradicted=dates.contradicted)


def note_dates(parsed: Parsed, order: str, *, proved: bool, contradicted: bool) -> None:
    """How the dates were read, and whether the file proves that."""
    words = "month/day/year" if order == "mdy" else "day/month/year"
    if contradicted:
        parsed.notes.append("Some dates can only be day/month, others only month/day: one of the two is wrong.")
    elif parsed.entries and not proved:
        parsed.notes.append(f"Dates in figures are read as {words}; no date in the file proves it.")


def _add(group: Group, row: Cells, table: Table) -> None:
    group.date = group.date or cell(row, table, "date")
    group.currency = group.currency or cell(row, table, "currency").upper()
    group.narration = group.narration or unescape(cell(row, table, "memo"))
    group.sides.append(side(row, table))


def side(row: Cells, table: Table) -> Side:
    """A row of an entry, as far as the table has the columns."""
    return Side(
        row=row.row,
        account=charts.path_of(cell(row, table, "account")),
        debit=cell(row, table, "debit"),
        credit=cell(row, table, "credit"),
        description=unescape(cell(row, table, "description")),
        name=cell(row, table, "name"),
        tax=cell(row, table, "tax"),
        date=cell(row, table, "date"),
        currency=cell(row, table, "currency").upper(),
        tracking=_tracking((("Location", cell(row, table, "location")), ("Class", cell(row, table, "class")))),
    )


def _tracking(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs if value)
