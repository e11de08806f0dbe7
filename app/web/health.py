"""One sentence about a connection that a bookkeeper can act on. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.web.words import plural

ON_ITS_WAY: Final = ("pending", "in_flight", "waiting", "unknown")
NEEDS_SOMEBODY: Final = ("error", "conflict", "parked")
THERE: Final = ("synced", "unchanged")
_NOUNS: Final = {"invoice": "invoice", "journal_entry": "journal entry", "customer": "customer"}


@dataclass(frozen=True, slots=True)
class Health:
    """`level` is good, warn or bad; `failed` counts the records of all kinds that need somebody."""

    sentence: str
    level: str
    failed: int = 0
    owed: int = 0


def counted(rows: Iterable[Any]) -> dict[int, dict[str, Counter[str]]]:
    """The rows of `mappings.state_counts` as connection → kind → state → how many."""
    found: dict[int, dict[str, Counter[str]]] = {}
    for row in rows:
        found.setdefault(row.connection_id, {}).setdefault(row.kind, Counter())[row.state] += row.n
    return found


def tell(display: str, status: str, states: Mapping[str, Counter[str]]) -> Health:
    """How a connection is: what is there, what is on its way, what needs somebody."""
    failed = sum(_sum(kind, NEEDS_SOMEBODY) for kind in states.values())
    owed = sum(_sum(kind, ON_ITS_WAY) for kind in states.values())
    if status == "expired":
        waits = f" {plural(owed, 'record')} {'waits' if owed == 1 else 'wait'} until then." if owed else ""
        return Health(f"{display} does not let us in any more: reconnect to go on.{waits}", "bad", failed, owed)
    if status == "error":
        return Health(f"{display} refuses us at the moment; we look again by ourselves.", "bad", failed, owed)
    kind = next((kind for kind in _NOUNS if _sum(states.get(kind, Counter()), THERE + ON_ITS_WAY + NEEDS_SOMEBODY)), "")
    if not kind:
        return Health(f"Nothing has been sent to {display} yet.", "good", failed, owed)
    there = _sum(states[kind], THERE)
    every = there + _sum(states[kind], ON_ITS_WAY + NEEDS_SOMEBODY)
    noun = _NOUNS[kind]
    if there == every:
        what = f"All {plural(every, noun)} are in {display}" if every > 1 else f"The one {noun} is in {display}"
    else:
        what = f"{there:,} of {plural(every, noun)} are in {display}"
    tail = [f"{owed:,} on {'its' if owed == 1 else 'their'} way"] if owed else []
    tail += [f"{failed:,} {'needs' if failed == 1 else 'need'} you"] if failed else []
    return Health(f"{what}{'; ' if tail else ''}{', '.join(tail)}.", "bad" if failed else "good", failed, owed)


def there(states: Mapping[str, Counter[str]]) -> int:
    """How many records of all kinds the company holds."""
    return sum(_sum(kind, THERE) for kind in states.values())


def _sum(states: Counter[str], wanted: tuple[str, ...]) -> int:
    return sum(states[state] for state in wanted)
