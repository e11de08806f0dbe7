"""Which of the provider's codes a code of ours is likely to be, and what is wrong with a mapping. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Any, Final

_ALIKE: Final = 0.78


@dataclass(frozen=True, slots=True)
class Target:
    """Something of the provider's that a code may be mapped to."""

    code: str
    name: str
    type: str
    number: str
    active: bool

    @property
    def label(self) -> str:
        """As a person recognises it."""
        return f"{self.number} {self.name}" if self.number and self.number != self.name else self.name or self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One code of ours: what it is mapped to, or is likely to be, and why. `problem` says what is wrong."""

    code: str
    name: str
    type: str
    lines: int
    last: date | None
    mapped: str
    mapped_name: str
    suggested: str
    why: str
    problem: str
    own: bool

    @property
    def good(self) -> bool:
        """Mapped, and to something that is in use there."""
        return bool(self.mapped) and not self.problem


def lines(codes: Sequence[Any], targets: Sequence[Target]) -> list[Line]:
    """All codes: those with a problem first, then those to be mapped by use, then the rest."""
    by_code = {target.code: target for target in targets if target.code}
    found = [_line(row, by_code, targets) for row in codes]
    return sorted(found, key=lambda line: (not line.problem, line.good, -line.lines, line.code))


def covered(found: Sequence[Line]) -> tuple[int, int]:
    """How many of the lines in use have a code that would go through, and how many there are."""
    return sum(line.lines for line in found if line.good), sum(line.lines for line in found)


def suggest(code: str, name: str, kind: str, targets: Sequence[Target]) -> tuple[str, str]:
    """The likeliest target's code and the reason; ("", "") where nothing is likely enough."""
    open_to = [target for target in targets if target.active and target.code and _same_class(kind, target.type)]
    for target in open_to:
        if code.casefold() in {target.number.casefold(), target.code.casefold()} - {""}:
            return target.code, "same number"
    names = [one.casefold() for one in (name, code) if one]
    for target in open_to:
        if target.name.casefold() in names:
            return target.code, "same name"
    scored = [
        (max(SequenceMatcher(None, one, target.name.casefold()).ratio() for one in names), target) for target in open_to
    ]
    best = max(scored, key=lambda pair: pair[0], default=None)
    if best is not None and best[0] >= _ALIKE:
        return best[1].code, "similar name"
    if kind:
        same = [target for target in open_to if target.type == kind]
        if len(same) == 1:
            return same[0].code, "the only account of this type"
    return "", ""


def _line(row: Any, by_code: Mapping[str, Target], targets: Sequence[Target]) -> Line:
    name, kind, mapped = row.name or "", row.type or "", row.external_code or ""
    target = by_code.get(mapped)
    problem = ""
    if mapped and targets:
        if target is None:
            problem = f"{mapped} is not in the provider's list"
        elif not target.active:
            problem = f"{target.label} is archived there"
        elif not _same_class(kind, target.type):
            problem = f"{target.label} is of another type ({target.type} there, {kind} here)"
    suggested, why = ("", "") if mapped and not problem else suggest(row.code, name, kind, targets)
    return Line(
        code=row.code,
        name=name,
        type=kind,
        lines=row.lines,
        last=row.last,
        mapped=mapped,
        mapped_name=target.label if target is not None else row.external_name or "",
        suggested=suggested,
        why=why,
        problem=problem,
        own=row.connection_id is not None,
    )


def _same_class(ours: str, theirs: str) -> bool:
    """Whether both are assets, revenue, …; an unknown type is no reason to refuse."""
    here, there = ours.partition(".")[0], (theirs or "").partition(".")[0]
    return not here or there in ("", "unknown", here)
