"""The codes of a mapping page: what each is mapped to or is likely to be, and what is wrong. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.books.matching import Finder, Target, problems


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
    finder = Finder(targets)
    found = [_line(row, by_code, finder) for row in codes]
    return sorted(found, key=lambda line: (not line.problem, line.good, -line.lines, line.code))


def covered(found: Sequence[Line]) -> tuple[int, int]:
    """How many of the lines in use have a code that would go through, and how many there are."""
    return sum(line.lines for line in found if line.good), sum(line.lines for line in found)


def narrowed(found: Sequence[Line], words: str) -> list[Line]:
    """The lines whose code or name holds all of the words, in either case."""
    parts = words.casefold().split()
    return [line for line in found if all(part in f"{line.code} {line.name}".casefold() for part in parts)]


def _line(row: Any, by_code: Mapping[str, Target], finder: Finder) -> Line:
    name, kind, mapped = row.name or "", row.type or "", row.external_code or ""
    target = by_code.get(mapped)
    problem = next((message for _, message in problems(mapped, kind, by_code)), "")
    proposal = None if mapped and not problem else finder.find(row.code, name, kind)
    return Line(
        code=row.code,
        name=name,
        type=kind,
        lines=row.lines,
        last=row.last,
        mapped=mapped,
        mapped_name=target.label if target is not None else row.external_name or "",
        suggested=proposal.target.code if proposal is not None else "",
        why=proposal.reason if proposal is not None else "",
        problem=problem,
        own=row.connection_id is not None,
    )
