"""What was wrong in a file, as it is answered and as a CSV that can be mended and sent again."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.files.formats.escaping import escape
from app.files.formats.model import Parsed, Trouble

_NUMBER = re.compile(r"[-+(]?[\d.,]+\)?", re.ASCII)


def shown(trouble: Trouble) -> dict[str, Any]:
    """A trouble as it is answered."""
    return {
        "row": trouble.row,
        "column": trouble.column,
        "value": _storable(trouble.value[:200]),
        "code": trouble.code,
        "reason": _storable(trouble.reason),
        "fix": trouble.fix,
    }


def rejected_csv(parsed: Parsed, troubles: Sequence[Trouble]) -> bytes:
    """The rows that were not taken as they came, with the reason behind them; they can be mended and sent again."""
    reasons: dict[int, list[str]] = {}
    for trouble in troubles:
        for row in trouble.records:
            said = reasons.setdefault(row, [])
            if trouble.row == row or not said:
                said.append(f"{trouble.reason} {trouble.fix}".strip())
    file = io.StringIO(newline="")
    write = csv.writer(file).writerow
    header = list(parsed.header)
    if not header:
        _iif_rows(parsed, reasons, write)
        return file.getvalue().encode("utf-8", "replace")
    write([*header, "Reason"])
    for row in sorted(reasons):
        cells = [cell if _NUMBER.fullmatch(cell) else escape(cell) for cell in parsed.rows.get(row, ())]
        reason = escape(" ".join(reasons[row]))
        write([*(cells + [""] * len(header))[: max(len(header), len(cells))], reason])
    return file.getvalue().encode("utf-8", "replace")


def _iif_rows(parsed: Parsed, reasons: Mapping[int, Sequence[str]], write: Callable[[Sequence[str]], Any]) -> None:
    """IIF among commas, which is read like any other: the rows, above them what names their columns."""
    heads: dict[str, Sequence[str]] = {}
    told: dict[str, Sequence[str]] = {}
    ended = True
    for number, cells in parsed.rows.items():
        keyword = cells[0].strip().upper()
        if keyword.startswith("!"):
            heads[keyword[1:]] = cells
        elif keyword == "ENDTRNS" and not ended:
            write(["ENDTRNS"])
            ended = True
        elif number in reasons:
            other = {"SPL": "TRNS", "TRNS": "SPL"}.get(keyword, "")
            head = heads.get(keyword) or heads.get(other) or [f"!{keyword}"]
            if told.get(keyword) != head:
                told[keyword] = head
                write([f"!{keyword}", *head[1:], "REASON"])
            # Cells beyond the columns are ignored among tabs; among commas they are what is wrong.
            kept = cells[: len(head)] if parsed.delimiter == "\t" else cells
            filled = [*kept, *[""] * (len(head) - len(kept))]
            write([*filled, escape(" ".join(reasons[number]))])
            ended = keyword not in ("TRNS", "SPL")


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and JSON no half a character."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
