"""Which of a company's accounts, items or taxes a code of ours may be, and what is wrong with a mapping. Pure.

The only place that decides either: what the API suggests, a page suggests.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORDS = re.compile(r"[^\W_]+")
_EMPTY = frozenset({"and", "the", "of", "account", "accounts", "a", "c", "other", "general"})
_ENOUGH = 0.5
_SHORT = 3


@dataclass(frozen=True, slots=True)
class Target:
    """Something of the company's that a code may be mapped to; `number` is what people know it by."""

    code: str
    name: str
    type: str
    number: str
    active: bool

    @property
    def label(self) -> str:
        """As a person recognises it."""
        return f"{self.number} {self.name}" if self.number and self.number != self.name else self.name or self.code

    @property
    def leaf(self) -> str:
        """Its name without the levels above it."""
        return self.name.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A target for a code of ours, how sure it is (certain, likely, possible), and why, as a sentence."""

    target: Target
    confidence: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A proposal with the account of ours that it is for."""

    internal_code: str
    internal_name: str
    type: str
    external_code: str
    external_name: str
    external_type: str
    confidence: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """What looks wrong about a mapping."""

    mapping_id: int
    internal_code: str
    external_code: str
    code: str
    message: str


def targets(rows: Iterable[Any]) -> list[Target]:
    """Rows of `coverage.targets`. A code that is only the provider's id for a record says nothing to people."""
    return [
        Target(
            code=row.code or "",
            name=row.name or "",
            type=row.type or "",
            number=row.number or ("" if _is_id(row) else row.code or ""),
            active=row.active,
        )
        for row in rows
    ]


def _is_id(row: Any) -> bool:
    return bool(row.code == row.external_id and str(row.code).isdecimal())


class Finder:
    """Finds what a code of ours may be among a company's targets; only what is in use there and alone in its fit."""

    def __init__(self, found: Iterable[Target]) -> None:
        active = [one for one in found if one.active and one.code]
        self._by_number = _by(active, lambda one: one.number)
        self._by_name = _by(active, lambda one: one.name)
        self._by_leaf = _by(active, lambda one: one.leaf)
        self._by_type = _by(active, lambda one: one.type)
        self._by_word: dict[str, list[Target]] = {}
        for one in active:
            for word in words(one.name):
                self._by_word.setdefault(word, []).append(one)

    def find(self, code: str, name: str, kind: str) -> Proposal | None:
        """The likeliest target; `name` and `kind` are empty where nobody told them. None: nothing speaks for any."""
        called = name or code
        too = " and kind" if kind else ""
        names = [one for one in (name, code) if one]
        tries = (
            ("certain", f"the same number {code}{too}", self._by_number.get(code.casefold(), ())),
            ("certain", f"the same name {called!r}{too}", _all(self._by_name, names)),
            ("likely", f"the same last name {called!r}{too}", _all(self._by_leaf, names)),
            ("possible", f"words of the name in common{', and the same kind' if kind else ''}", self._alike(called)),
            (
                "possible",
                f"a type of which there is no other account: {kind}",
                self._by_type.get(kind.casefold(), ()) if kind else (),
            ),
        )
        for confidence, reason, candidates in tries:
            fitting = [one for one in candidates if fits(kind, one.type)]
            if len(fitting) == 1:
                return Proposal(fitting[0], confidence, f"It has {reason}.")
        return None

    def _alike(self, name: str) -> list[Target]:
        """Those that share at least half of all words with a name; the best alone, if there is one best."""
        mine = words(name)
        scores: dict[str, tuple[float, Target]] = {}
        for word in mine:
            for one in self._by_word.get(word, ()):
                theirs = words(one.name)
                scores[one.code] = (len(mine & theirs) / len(mine | theirs), one)
        good = [pair for pair in scores.values() if pair[0] >= _ENOUGH]
        best = max((score for score, _ in good), default=0)
        return [one for score, one in good if score == best]


def suggestions(rows: Iterable[Any], found: Iterable[Target]) -> list[Suggestion]:
    """One target for each row of `coverage.codes` without a mapping, as far as there is a reason for one."""
    finder = Finder(found)
    made = []
    for row in rows:
        name, kind = row.name or "", row.type or ""
        proposal = None if row.external_code else finder.find(row.code, name, kind)
        if proposal is not None:
            target = proposal.target
            made.append(
                Suggestion(
                    internal_code=row.code,
                    internal_name=name,
                    type=kind,
                    external_code=target.code,
                    external_name=target.name,
                    external_type=target.type,
                    confidence=proposal.confidence,
                    reason=proposal.reason,
                )
            )
    return made


def problems(external_code: str, kind: str, known: Mapping[str, Target]) -> Iterator[tuple[str, str]]:
    """What is wrong with a target, as code and sentence; nothing where the company's list is not known."""
    target = known.get(external_code)
    if not known or not external_code:
        return
    if target is None:
        yield "target_unknown", f"{external_code} is not in the provider's list."
        return
    if not target.active:
        yield "target_archived", f"{target.label} is archived there."
    if not fits(kind, target.type):
        yield "target_type", f"{target.label} is of another type ({target.type} there, {kind} here)."


def warnings(rows: Sequence[Any], ours: Mapping[str, Any], found: Iterable[Target]) -> list[Doubt]:
    """What looks wrong about these mappings. `ours` is the chart by code."""
    known = {one.code: one for one in found}
    users: dict[tuple[Any, str], list[str]] = {}
    for row in rows:
        users.setdefault((row.connection_id, row.external_code), []).append(row.internal_code)
    return [
        Doubt(
            mapping_id=row.id,
            internal_code=row.internal_code,
            external_code=row.external_code,
            code=code,
            message=message,
        )
        for row in rows
        for code, message in _wrong(row, ours.get(row.internal_code), known, users)
    ]


def _wrong(
    row: Any, mine: Any | None, known: Mapping[str, Target], users: Mapping[tuple[Any, str], Sequence[str]]
) -> Iterator[tuple[str, str]]:
    if mine is not None and not mine.active:
        yield "account_archived", f"Our account {row.internal_code} is archived."
    if not row.external_code:
        yield "target_missing", "Only the name there is known, from a file; a sync needs the code or id."
    yield from problems(row.external_code, mine.type if mine is not None else "", known)
    shared = users[row.connection_id, row.external_code]
    if row.external_code and len(shared) > 1:
        yield "target_shared", f"Several of ours go to {row.external_code}: {', '.join(sorted(shared)[:5])}."


def fits(ours: str, theirs: str) -> bool:
    """Whether both are assets, revenue, …; a type that nobody told is no reason to refuse."""
    here, there = ours.partition(".")[0], theirs.partition(".")[0]
    return not here or there in ("", "unknown", here)


def words(name: str) -> set[str]:
    """The words of a name that say something, in the singular."""
    found = {word for word in _WORDS.findall(name.casefold()) if word not in _EMPTY}
    return {word.removesuffix("s") if len(word) > _SHORT else word for word in found}


def _by(found: Sequence[Target], key: Callable[[Target], str]) -> dict[str, list[Target]]:
    groups: dict[str, list[Target]] = {}
    for one in found:
        groups.setdefault(key(one).casefold(), []).append(one)
    groups.pop("", None)
    return groups


def _all(groups: Mapping[str, Sequence[Target]], names: Iterable[str]) -> list[Target]:
    """The targets under any of the names, each once."""
    return list({one.code: one for name in names for one in groups.get(name.casefold(), ())}.values())
