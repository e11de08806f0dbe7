"""From groups of rows to journal entries: what every format has in common once its columns are known."""

from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from app.files.formats.model import FileEntry, FileLine, Trouble, crooked
from app.files.formats.values import DateOrder, amount_of, date_of

MOST_LINES = 500  # what one entry of the books may have
MOST_NOTED = 3


@dataclass(slots=True)
class Side:
    """One row of an entry, still as text. `debit` and `credit`, or `amount` with its sign.

    `date` and `currency`: what the row says by itself, where every row may say it.
    """

    row: int
    account: str
    amount: str = ""
    debit: str = ""
    credit: str = ""
    description: str = ""
    name: str = ""
    tax: str = ""
    tracking: tuple[tuple[str, str], ...] = ()
    date: str = ""
    currency: str = ""


@dataclass(slots=True)
class Group:
    """The rows of one entry, still as text."""

    row: int
    number: str = ""
    date: str = ""
    narration: str = ""
    currency: str = ""
    sides: list[Side] = field(default_factory=list)

    def rows(self) -> tuple[int, ...]:
        """The lines of the file it is made of."""
        return tuple(side.row for side in self.sides) or (self.row,)


@dataclass(slots=True)
class Built:
    """The entries of a file, what is wrong, and what a person should know."""

    entries: list[FileEntry] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    empty_sides: list[int] = field(default_factory=list)

    def notes(self) -> list[str]:
        """Rows without an amount say nothing in a ledger; they are left out and told."""
        if not self.empty_sides:
            return []
        shown = ", ".join(map(str, self.empty_sides[:MOST_NOTED]))
        return [f"{len(self.empty_sides)} rows without an amount were left out (line {shown} …)."]


def build(groups: Iterable[Group], *, order: DateOrder, mark: str, moved: Set[int] = frozenset()) -> Built:
    """An entry from each group that is complete and balanced; what is wrong with the others.

    `moved`: rows in which cells may stand under a wrong column.
    """
    built = Built()
    for group in groups:
        before = len(built.troubles)
        built.troubles += [crooked(row, group.rows(), "") for row in group.rows() if row in moved]
        day = _day(group, order, built)
        _one_entry(group, day, order, built)
        lines = [line for side in group.sides if (line := _line(side, group, mark, built)) is not None]
        if len(built.troubles) == before:
            _balanced(group, lines, built)
        if len(built.troubles) == before and day is not None:
            built.entries.append(
                FileEntry(
                    row=group.row,
                    number=group.number,
                    date=day,
                    narration=group.narration,
                    currency=group.currency,
                    lines=tuple(lines),
                )
            )
    return built


def _day(group: Group, order: DateOrder, built: Built) -> date | None:
    try:
        return date_of(group.date, order.order)
    except ValueError as error:
        fix = "Write the date as YYYY-MM-DD."
        _trouble(built, group, group.row, ("date", group.date, "bad_date"), f"The date cannot be read: {error}.", fix)
        return None


def _one_entry(group: Group, day: date | None, order: DateOrder, built: Built) -> None:
    """Rows of one number are one entry only if they also agree on the day and the currency."""
    for side in group.sides:
        if side.currency and side.currency != group.currency:
            reason = f"The entry {group.number!r} is in {group.currency} above, and in {side.currency} here."
            fix = "Write one currency on all rows of an entry, or number the entries apart."
            _trouble(built, group, side.row, ("currency", side.currency, "currency_differs"), reason, fix)
        if day is None or not side.date or side.date == group.date:
            continue
        with suppress(ValueError):
            if date_of(side.date, order.order) == day:
                continue
        reason = f"The entry {group.number!r} is of {day} above, and of {side.date} here."
        fix = "Write one date on all rows of an entry, or number the entries apart."
        _trouble(built, group, side.row, ("date", side.date, "date_differs"), reason, fix)


def _line(side: Side, group: Group, mark: str, built: Built) -> FileLine | None:
    try:
        if side.amount:
            amount = amount_of(side.amount, mark)
        else:
            debit, credit = amount_of(side.debit, mark), amount_of(side.credit, mark)
            if debit and credit:
                raise ValueError("debit and credit are both filled")
            amount = debit - credit
    except ValueError as error:
        said = side.amount or side.debit or side.credit
        fix = "Write a plain number such as -1234.56, in one of the columns."
        _trouble(built, group, side.row, ("amount", said, "bad_amount"), f"The amount cannot be read: {error}.", fix)
        return None
    if not amount:
        built.empty_sides.append(side.row)
        return None
    if not side.account:
        reason = "The row has an amount but no account."
        _trouble(built, group, side.row, ("account", "", "account_missing"), reason, "Name the account.")
        return None
    return FileLine(
        row=side.row,
        account=side.account,
        amount=amount,
        description=side.description,
        name=side.name,
        tax=side.tax,
        tracking=side.tracking,
    )


def _balanced(group: Group, lines: Sequence[FileLine], built: Built) -> None:
    total = sum((line.amount for line in lines), Decimal(0))
    if total:
        reason = f"The entry does not balance: its rows come to {total} instead of 0."
        fix = "Correct the amounts; every entry must balance by itself."
        _trouble(built, group, group.row, ("amount", f"{total}", "journal_unbalanced"), reason, fix)
    elif len(lines) < 2:
        reason = "The entry has fewer than two rows with an amount."
        fix = "Give the rows of one entry the same number (or narration and date), or remove the row."
        _trouble(built, group, group.row, ("amount", "", "too_few_lines"), reason, fix)
    elif len(lines) > MOST_LINES:
        reason = f"The entry has {len(lines)} rows; at most {MOST_LINES} are kept."
        _trouble(built, group, group.row, ("number", group.number, "too_many_lines"), reason, "Split the entry.")


def _trouble(built: Built, group: Group, row: int, what: tuple[str, str, str], reason: str, fix: str) -> None:
    column, value, code = what
    built.troubles.append(
        Trouble(row=row, column=column, value=value, code=code, reason=reason, fix=fix, records=group.rows())
    )
