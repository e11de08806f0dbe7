"""Reading QuickBooks Online's Journal report: what the books hold, printed for people.

Two layouts are in use. The newer one puts a row with the transaction's id above its rows and a total below; the older
one dates the first row of a transaction alone, and ends it with a row of sums.
"""

import re
from collections import Counter

from app.files.formats.journals import Group
from app.files.formats.model import Cells, Format, Parsed
from app.files.formats.qbo import cell, side, take
from app.files.formats.tables import Shape, Table, one_of

JOURNAL = Shape(
    Format.qbo_report,
    {
        "date": one_of("transactiondate", "date"),
        "kind": one_of("transactiontype", "type"),
        "number": one_of("num", "no", "number"),
        "account": one_of("fullname", "account", "accountname", "accountfullname"),
        "debit": one_of("debit"),
        "credit": one_of("credit"),
    },
    {
        "name": one_of("name"),
        "description": one_of("memodescription", "memo", "description", "linedescription"),
        "currency": one_of("currency"),
    },
)
_ID = re.compile(r"\d{1,18}", re.ASCII)
_ENTRY = "journal entry"


def journal(table: Table, parsed: Parsed, order: str) -> None:
    """Its journal entries; other transactions are documents of their own, so they stay out and are counted."""
    taken: list[Group] = []
    others: Counter[str] = Counter()
    for kind, group in _groups(table):
        if kind.casefold() == _ENTRY:
            taken.append(group)
        else:
            others[kind] += 1
    take(taken, parsed, order)
    for kind, count in sorted(others.items()):
        parsed.notes.append(f"{count} transactions of the type {kind or '(none)'} are no journal entries; left out.")


def _groups(table: Table) -> list[tuple[str, Group]]:
    """Each transaction's type and rows."""
    once = any(cell(row, table, "account") and not cell(row, table, "date") for row in table.rows)
    found: list[tuple[str, Group]] = []
    about: tuple[str, ...] | None = None
    above = ""
    for row in table.rows:
        if not cell(row, table, "account"):
            about, above = None, _id(row)
            continue
        said = tuple(cell(row, table, name) for name in ("date", "kind", "number"))
        if about is None or (said[0] and (once or said != about)):
            about = said
            number = said[2] or (f"QBO-{above}" if above else "")
            currency = cell(row, table, "currency").upper()
            found.append((said[1], Group(row=row.row, date=said[0], number=number, currency=currency)))
        found[-1][1].sides.append(side(row, table))
    return found


def _id(row: Cells) -> str:
    """The transaction's id, where the row holds nothing else."""
    filled = [text.strip() for text in row.cells if text.strip()]
    return filled[0] if len(filled) == 1 and _ID.fullmatch(filled[0]) else ""
