"""COPY's text form in portions of bytes, as rows of text."""

import re
from collections.abc import Sequence

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class CopiedRows:
    """Rows of a COPY whose columns are never null. A row may be cut by the end of a portion."""

    def __init__(self) -> None:
        self._rest = b""

    def rows(self, chunk: bytes) -> list[Sequence[str]]:
        """The rows that are complete now."""
        data = self._rest + chunk if self._rest else chunk
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if not end:
            return []
        text = data[: end - 1].decode()
        if "\\" not in text:
            return [line.split("\t") for line in text.split("\n")]
        return [_unescaped(line) if "\\" in line else line.split("\t") for line in text.split("\n")]


def _unescaped(line: str) -> list[str]:
    return [_ESCAPE.sub(lambda found: _MEANS.get(found[1], found[1]), cell) for cell in line.split("\t")]
