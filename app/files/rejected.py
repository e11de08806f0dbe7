"""What was wrong in a file, as it is answered and as a CSV that can be mended and sent again."""

import csv
import io
import re
from collections.abc import Sequence
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
    write([*header, "Reason"] if header else ["Reason", "Row"])
    for row in sorted(reasons):
        cells = [cell if _NUMBER.fullmatch(cell) else escape(cell) for cell in parsed.rows.get(row, ())]
        reason = escape(" ".join(reasons[row]))
        if header:
            write([*(cells + [""] * len(header))[: max(len(header), len(cells))], reason])
        else:
            write([reason, row, *cells])
    return file.getvalue().encode("utf-8", "replace")


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and JSON no half a character."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
