"""Figures, as a table for people and JSON for machines."""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
_JSON = FOLDER / "results.json"


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


def save(part: str, figures: Sequence[Figure], order: Sequence[str]) -> None:
    """Put a part's figures into `results.json` and `results.md` beside this file; those of other parts stay.

    `order` is that of the parts. Each part says when and at which commit it was measured.
    """
    document: dict[str, Any] = json.loads(_JSON.read_text()) if _JSON.exists() else {}
    document[part] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": _cores(),
        "figures": [asdict(one) for one in figures],
    }
    document = {name: document[name] for name in order if name in document}
    _JSON.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    (FOLDER / "results.md").write_text("\n".join(_section(name, kept) for name, kept in document.items()))


def _section(part: str, kept: dict[str, Any]) -> str:
    where = f"Python {kept['python']}, {kept['cores']} cores ({kept['machine']})"
    head = f"## {part}\n\nMeasured at {kept['measured_at']}, commit {kept['commit'] or 'unknown'}, {where}.\n\n"
    return head + table([Figure(**one) for one in kept["figures"]])


def _commit() -> str:
    """The commit that is checked out, with a + where something was changed since; "" outside a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _cores() -> int:
    return len([1 for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("processor")])
