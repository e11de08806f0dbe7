"""Which of a company's accounts each of ours may be, and which mappings look wrong. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WORDS = re.compile(r"[^\W_]+")
_EMPTY = frozenset({"and", "the", "of", "account", "accounts", "a", "c", "other", "general"})
_ENOUGH = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """An account of the company, as it was pulled. `code` is what a mapping targets, `number` what people use."""

    code: str
    number: str
    name: str
    type: str
    active: bool

    @property
    def leaf(self) -> str:
        """Its name without the levels above it."""
        return self.name.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A target for one of our accounts, how sure it is (certain, likely, possible), and why."""

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


def suggestions(ours: Sequence[Any], mapped: Iterable[str], theirs: Sequence[There]) -> list[Suggestion]:
    """One target for each active account of ours without a mapping, as far as there is a reason for one."""
    taken = set(mapped)
    active = [one for one in theirs if one.active and one.code]
    by_number = _by(active, lambda one: one.number or one.code)
    by_name = _by(active, lambda one: one.name)
    by_leaf = _by(active, lambda one: one.leaf)
    by_type = _by(active, lambda one: one.type)
    index: dict[str, list[There]] = {}
    for one in active:
        for word in words(one.name):
            index.setdefault(word, []).append(one)
    found = []
    for row in ours:
        if row.code in taken or not row.active:
            continue
        name, code = row.name.casefold(), row.code.casefold()
        tries = (
            ("certain", f"the same number {row.code} and kind", by_number.get(code, []), True),
            ("certain", f"the same name {row.name!r} and kind", by_name.get(name, []), True),
            ("likely", f"the same last name {row.name!r} and kind", by_leaf.get(name, []), True),
            ("possible", f"the same name {row.name!r}, but another kind", by_name.get(name, []), False),
            ("possible", "words of the name in common, and the same kind", _alike(row, index), True),
            (
                "possible",
                f"a type of which there is no other account: {row.type}",
                by_type.get(row.type.casefold(), []),
                True,
            ),
        )
        for confidence, reason, candidates, same in tries:
            fitting = [one for one in candidates if not same or kind_of(one.type) == kind_of(row.type)]
            if len(fitting) == 1:
                found.append(_suggestion(row, fitting[0], confidence, reason))
                break
    return found


def warnings(rows: Sequence[Any], ours: Mapping[str, Any], theirs: Sequence[There]) -> list[Doubt]:
    """What looks wrong about these mappings. Nothing is said of targets where the company's accounts are not known."""
    known = {one.code: one for one in theirs}
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
    row: Any, mine: Any | None, known: Mapping[str, There], users: Mapping[tuple[Any, str], Sequence[str]]
) -> Iterable[tuple[str, str]]:
    target = known.get(row.external_code)
    if mine is not None and not mine.active:
        yield "account_archived", f"Our account {row.internal_code} is archived."
    if not row.external_code:
        yield "target_missing", "Only the name there is known, from a file; a sync needs the code or id."
    elif known and target is None:
        yield "target_unknown", f"The company has no account {row.external_code}."
    if target is not None and not target.active:
        yield "target_archived", f"The account {target.name} is archived there."
    if target is not None and mine is not None and kind_of(target.type) != kind_of(mine.type):
        yield "target_type", f"Ours is {mine.type}, {target.name} is {target.type} there."
    shared = users[row.connection_id, row.external_code]
    if row.external_code and len(shared) > 1:
        yield "target_shared", f"Several of ours go to {row.external_code}: {', '.join(sorted(shared)[:5])}."


def kind_of(type_: str) -> str:
    """`asset`, `liability`, `equity`, `revenue` or `expense`."""
    return type_.partition(".")[0]


def words(name: str) -> set[str]:
    """The words of a name that say something."""
    return {word for word in _WORDS.findall(name.casefold()) if word not in _EMPTY}


def _alike(row: Any, index: Mapping[str, Sequence[There]]) -> list[There]:
    """Those that share at least half of all words with an account of ours; the best alone, if there is one best."""
    mine = words(row.name)
    scores: dict[str, tuple[float, There]] = {}
    for word in mine:
        for one in index.get(word, ()):
            theirs = words(one.name)
            scores[one.code] = (len(mine & theirs) / len(mine | theirs), one)
    good = [pair for pair in scores.values() if pair[0] >= _ENOUGH]
    best = max((score for score, _ in good), default=0)
    return [one for score, one in good if score == best]


def _by(accounts: Sequence[There], key: Any) -> dict[str, list[There]]:
    groups: dict[str, list[There]] = {}
    for one in accounts:
        groups.setdefault(str(key(one)).casefold(), []).append(one)
    return groups


def _suggestion(row: Any, target: There, confidence: str, reason: str) -> Suggestion:
    return Suggestion(
        internal_code=row.code,
        internal_name=row.name,
        type=row.type,
        external_code=target.code,
        external_name=target.name,
        external_type=target.type,
        confidence=confidence,
        reason=f"It has {reason}.",
    )
