"""From a file's chart to changes of ours: which account is which, what becomes of it, what cannot be. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.books.accounts import circles
from app.books.ledger_inputs import AccountIn
from app.books.upserts import Plan
from app.canonical import is_currency
from app.files.formats import types
from app.files.formats.model import FileAccount, Format, Trouble

_NEW: Mapping[str, Any] = {
    "external_ref": None,
    "parent_code": "",
    "currency": "",
    "description": "",
    "active": True,
}
_KEPT = ("external_ref", "code", "name", "type", "parent_code", "currency", "description", "active")


@dataclass(slots=True)
class Known:
    """Our chart and mappings, by what a file may call an account."""

    rows: Mapping[str, Any]
    by_path: Mapping[str, str]
    by_external_code: Mapping[str, str]
    by_external_name: Mapping[str, str]


@dataclass(slots=True)
class ChartPlan:
    """What is to be stored. `codes` is our code for each whole name of the file (folded), and for each code."""

    plans: list[Plan] = field(default_factory=list)
    targets: list[tuple[str, str, str]] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)


def known_of(chart: Sequence[Any], paths: Mapping[str, str], mapped: Mapping[str, tuple[str, str]]) -> Known:
    """The chart and its mappings turned round; names and codes that mean several accounts of ours mean none."""
    return Known(
        rows={row.code: row for row in chart},
        by_path=_unique([(path.casefold(), code) for code, path in paths.items()]),
        by_external_code=_unique([(code, ours) for ours, (code, _) in mapped.items() if code]),
        by_external_name=_unique([(name.casefold(), ours) for ours, (_, name) in mapped.items() if name]),
    )


def _unique(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    seen: dict[str, str] = {}
    twice: set[str] = set()
    for key, code in pairs:
        if seen.setdefault(key, code) != code:
            twice.add(key)
    return {key: code for key, code in seen.items() if key not in twice}


def plan(accounts: Sequence[FileAccount], format_: Format, known: Known, blocked: set[int]) -> ChartPlan:
    """What becomes of each account of a file; rows in `blocked` are wrong already."""
    made = ChartPlan()
    levels = format_ is not Format.xero_accounts
    takers: dict[str, int] = {}
    tree = {code: str(row.parent_code) for code, row in known.rows.items()}
    for one in sorted(accounts, key=lambda account: account.path.count(":")) if levels else accounts:
        if one.row in blocked:
            continue
        code = _our_code(one, format_, known)
        parent = _parent(one, known, made) if levels and one.parent else ""
        trouble = _placed(one, code, parent, takers)
        if trouble is None:
            change = _change(one, code, parent, format_, known.rows.get(code))
            trouble = change if isinstance(change, Trouble) else _circle(one, code, change, tree)
            if not isinstance(change, Trouble) and trouble is None:
                made.plans.append(change)
        if trouble is not None:
            made.troubles.append(trouble)
            continue
        takers[code] = one.row
        made.codes[one.path.casefold()] = code
        if one.code:
            made.codes.setdefault(one.code.casefold(), code)
        made.targets.append((code, one.code if format_ is Format.xero_accounts else "", one.path))
    return made


def _our_code(one: FileAccount, format_: Format, known: Known) -> str:
    """By its mapping, its number, an account of the same whole name, else its number or its whole name anew."""
    if format_ is Format.xero_accounts:
        mapped = known.by_external_code.get(one.code) if one.code else known.by_external_name.get(one.path.casefold())
    else:
        mapped = known.by_external_name.get(one.path.casefold())
    if mapped is not None:
        return mapped
    if one.code in known.rows:
        return one.code
    same = known.by_path.get(one.path.casefold())
    # One that was known by its name before it had a number stays that account.
    if same is not None and (not one.code or same == known.rows[same].name or ":" in same):
        return same
    return one.code or one.path


def _parent(one: FileAccount, known: Known, made: ChartPlan) -> str | None:
    above = one.parent.casefold()
    return made.codes.get(above) or known.by_external_name.get(above) or known.by_path.get(above)


def _placed(one: FileAccount, code: str, parent: str | None, takers: Mapping[str, int]) -> Trouble | None:
    if code in takers:
        reason = f"Line {takers[code]} is the same account of ours, {code!r}."
        return _trouble(one, "code", code, "duplicate_code", reason, "Give every account a number of its own.")
    if parent is None:
        reason = f"There is no account {one.parent!r} for it to lie under."
        fix = "Add the account above it to the file, or correct its row."
        return _trouble(one, "name", one.path, "parent_missing", reason, fix)
    return None


def _change(one: FileAccount, code: str, parent: str | None, format_: Format, row: Any | None) -> Plan | Trouble:
    stored = {**_NEW, "code": code} if row is None else {name: getattr(row, name) for name in _KEPT}
    values = {**stored, "name": one.name}
    if row is None or _read_back(row.type, format_) != one.type:
        values["type"] = one.type
    if format_ is not Format.xero_accounts:
        values["parent_code"] = parent or ""
    if one.description:
        values["description"] = one.description
    if one.currency and is_currency(one.currency):
        values["currency"] = one.currency
    if one.active is not None:
        values["active"] = one.active
    try:
        AccountIn(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0])
        reason = f"The {column} cannot be stored: {first['msg']}"
        return _trouble(one, column, str(first.get("input", ""))[:60], "invalid_value", reason, "Correct the row.")
    changed = row is None or values != stored
    return Plan(row, values, changed=changed, pushed=changed)


def _read_back(ours: str, format_: Format) -> str | None:
    """What a type of ours becomes by way of the file: a closer type of ours is kept where the file can say no more."""
    words = types.WORDS[ours]
    if format_ is Format.iif:
        return types.from_iif(words.iif, words.extra)
    if format_ is Format.qbo_accounts:
        return types.from_qbo(words.qbo, words.qbo_detail)
    found = types.from_xero(words.xero)
    return found[0] if found else None


def _circle(one: FileAccount, code: str, change: Plan, tree: dict[str, str]) -> Trouble | None:
    before = tree.get(code)
    tree[code] = str(change.values["parent_code"])
    if tree[code] == code or circles(code, tree):
        if before is None:
            del tree[code]
        else:
            tree[code] = before
        return _trouble(one, "name", one.path, "account_cycle", "It would lie under itself.", "Correct the levels.")
    return None


def _trouble(one: FileAccount, column: str, value: str, code: str, reason: str, fix: str) -> Trouble:
    return Trouble(row=one.row, column=column, value=value, code=code, reason=reason, fix=fix, records=(one.row,))
