"""What holds for a chart of accounts in every format: names, codes, parents, duplicates."""

from collections.abc import Sequence, Set

from app.files.formats.model import FileAccount, Trouble, crooked
from app.files.formats.tables import NOTHING

_MOST_CODE, _MOST_NAME, _MOST_PROSE = 128, 500, 4000


def path_of(name: str) -> str:
    """A whole name without blanks around its levels: `Truck : Fuel` is `Truck:Fuel`."""
    return ":".join(part.strip() for part in name.split(":")).strip(":")


def code_of(cell: str) -> str:
    """An account's number; what spreadsheets write for “nothing” is nothing."""
    code = cell.strip()
    return "" if code.casefold() in NOTHING else code


def unknown_type(row: int, column: str, value: str, known: str) -> Trouble:
    """An account's type is never guessed."""
    return Trouble(
        row=row,
        column=column,
        value=value,
        code="account_type_unknown",
        reason=f"{value!r} is no account type of this format." if value else "The account has no type.",
        fix=f"Use one of: {known}.",
        records=(row,),
    )


def checked(
    accounts: Sequence[FileAccount], troubles: list[Trouble], *, by_path: bool, moved: Set[int] = frozenset()
) -> list[FileAccount]:
    """The accounts that can be taken; the others are reported. Names may repeat, codes and whole names may not.

    `by_path`: an account without a code is known by its whole name. `moved`: rows in which cells may
    stand under a wrong column.
    """
    kept: list[FileAccount] = []
    codes: dict[str, int] = {}
    paths: dict[str, int] = {}
    for one in accounts:
        found = crooked(one.row, (one.row,), one.path) if one.row in moved else None
        found = found or _alone(one) or _twice(one, codes, "code", one.code)
        if found is None and (by_path or not one.code):
            found = _twice(one, paths, "name", one.path.casefold())
        if found is not None:
            troubles.append(found)
            continue
        if one.code:
            codes[one.code] = one.row
        paths.setdefault(one.path.casefold(), one.row)
        kept.append(one)
    return kept


def _alone(one: FileAccount) -> Trouble | None:
    if not one.name:
        return _trouble(one, "name", "", "name_missing", "The account has no name.", "Give it a name.")
    if any(not part for part in one.path.split(":")) and one.parent:
        return _trouble(one, "name", one.path, "name_missing", "A level of the name is empty.", "Remove the colon.")
    for column, value, most in (
        ("code", one.code, _MOST_CODE),
        ("name", one.name, _MOST_NAME),
        ("description", one.description, _MOST_PROSE),
    ):
        if len(value) > most:
            reason = f"The {column} is longer than {most} characters."
            return _trouble(one, column, value[:60], "too_long", reason, "Shorten it.")
    return None


def _twice(one: FileAccount, seen: dict[str, int], column: str, key: str) -> Trouble | None:
    if not key or key not in seen:
        return None
    value = one.code if column == "code" else one.path
    reason = f"The {column} {value!r} stands in line {seen[key]} already."
    return _trouble(one, column, value, f"duplicate_{column}", reason, f"Give every account a {column} of its own.")


def _trouble(one: FileAccount, column: str, value: str, code: str, reason: str, fix: str) -> Trouble:
    return Trouble(row=one.row, column=column, value=value, code=code, reason=reason, fix=fix, records=(one.row,))
