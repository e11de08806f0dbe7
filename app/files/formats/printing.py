"""Where printed rows go: one file, or a zip of files none of which has more rows than the target takes."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

_FLUSH = 4_096
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same rows make the same archive, byte for byte


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file begins, its encoding, and how many rows the target takes (0: any number)."""

    stem: str
    suffix: str
    head: str
    encoding: str = "utf-8"
    limit: int = 0


class Sink:
    """Takes printed rows through `out`; `turn` is called before the rows of each record, so that none is cut in two."""

    def __init__(self, file: IO[bytes], layout: Layout, *, zipped: bool) -> None:
        self.out: list[str] = []
        self.layout = layout
        self._file = file
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) if zipped else None
        self._limit = layout.limit if zipped else 0
        self._count = 0
        self._parts = 0
        self._begun = False

    def turn(self, rows: int) -> None:
        """Make room for the rows of one record."""
        if self._limit and self._count and self._count + rows > self._limit:
            self._end_part()
        self._count += rows
        if self._archive is None and len(self.out) > _FLUSH:
            self._flush()

    def close(self) -> None:
        """Write what is left; an export without records is a file with its header."""
        if self._archive is None:
            self._flush()
        else:
            if self._count or not self._parts:
                self._end_part()
            self._archive.close()

    def _flush(self) -> None:
        if not self._begun:
            self._file.write(self.layout.head.encode(self.layout.encoding, "replace"))
            self._begun = True
        self._file.write("".join(self.out).encode(self.layout.encoding, "replace"))
        self.out.clear()

    def _end_part(self) -> None:
        assert self._archive is not None  # noqa: S101  only a zip has parts
        self._parts += 1
        name = f"{self.layout.stem}_{self._parts:04}.{self.layout.suffix}"
        text = self.layout.head + "".join(self.out)
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.external_attr = 0o644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, text.encode(self.layout.encoding, "replace"))
        self.out.clear()
        self._count = 0


def checksum(file: IO[bytes]) -> tuple[int, str]:
    """Size and SHA-256 of a file, which is left at its beginning."""
    digest = hashlib.sha256()
    file.seek(0)
    size = 0
    while block := file.read(1 << 20):
        digest.update(block)
        size += len(block)
    file.seek(0)
    return size, digest.hexdigest()


def csv_head(columns: Sequence[str]) -> str:
    """The first line of a CSV file; none of our headings needs quotes."""
    return ",".join(columns) + "\r\n"
