"""Figures, as a table for people and JSON for machines."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measurement. `ratio` is ours against what stands beside it; `kept`: whether the target is met."""

    name: str
    ours: float
    unit: str
    target: str
    kept: bool
    beside: float | None = None
    beside_what: str = ""
    ratio: float | None = None
    note: str = ""


def table(figures: Sequence[Figure]) -> str:
    """As Markdown."""
    lines = ["| what | ours | beside | ratio | target | kept |", "|---|---|---|---|---|---|"]
    for one in figures:
        beside = f"{one.beside:,.4g} ({one.beside_what})" if one.beside is not None else "–"
        ratio = f"{one.ratio:.2f}" if one.ratio is not None else "–"
        note = f"<br>{one.note}" if one.note else ""
        kept = "yes" if one.kept else "**no**"
        lines.append(f"| {one.name}{note} | {one.ours:,.4g} {one.unit} | {beside} | {ratio} | {one.target} | {kept} |")
    return "\n".join(lines) + "\n"


def save(figures: Sequence[Figure]) -> None:
    """Write `results.json` and `results.md` beside this file."""
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": _cores()}
    at = datetime.now(UTC).date().isoformat()
    document = {"measured_on": at, **machine, "figures": [asdict(one) for one in figures]}
    (FOLDER / "results.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    head = f"Measured on {at}, Python {machine['python']}, {machine['cores']} cores ({machine['machine']}).\n\n"
    (FOLDER / "results.md").write_text(head + table(figures))


def _cores() -> int:
    return len([1 for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")])
