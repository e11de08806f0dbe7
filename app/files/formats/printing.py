"""Where printed rows go: one file, or a zip of files none of which has more rows than the target takes."""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

_FLUSH = 4_096
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same rows make the same archive, byte for byte


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file begins, its encoding, and how many rows the target takes (0: any number).

    The head is asked for when all rows are printed, since a head may declare what the rows named.
    """

    stem: str
    suffix: str
    head: Callable[[], str]
    encoding: str = "utf-8"
    limit: int = 0


class Sink:
    """Takes printed rows through `out`; `turn` is called before the rows of each record, so that none is cut in two."""

    def __init__(self, file: IO[bytes], layout: Layout, *, zipped: bool) -> None:
        self.out: list[str] = []
        self._layout = layout
        self._file = file
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) if zipped else None
        self._limit = layout.limit if zipped else 0
        self._count = 0
        self._parts = 0
        self._body: IO[bytes] | None = None

    def turn(self, rows: int) -> None:
        """Make room for the rows of one record."""
        if not self._limit:
            if len(self.out) > _FLUSH:
                self._flush()
        elif self._count and self._count + rows > self._limit:
            self._end_part()
        self._count += rows

    def close(self) -> None:
        """Write what is left; an export without records is a file with its header."""
        if self._limit:
            if self._count or not self._parts:
                self._end_part()
        else:
            self._whole()
        if self._archive is not None:
            self._archive.close()

    def discard(self) -> None:
        """Let go of what is set aside; needed where printing broke off, harmless where it ended."""
        if self._body is not None:
            self._body.close()
        if self._archive is not None:
            self._archive.close()

    def _flush(self) -> None:
        if self._body is None:
            self._body = tempfile.TemporaryFile()  # noqa: SIM115  closed by `_whole`, or with this sink
        self._body.write(self._encoded("".join(self.out)))
        self.out.clear()

    def _whole(self) -> None:
        """The one file: its head, the rows that were set aside, the rest."""
        if self._archive is None:
            self._pour(self._file)
        else:
            self._parts = 1
            with self._archive.open(self._entry(), "w") as part:
                self._pour(part)

    def _pour(self, file: IO[bytes]) -> None:
        file.write(self._encoded(self._layout.head()))
        if self._body is not None:
            with self._body as body:
                body.seek(0)
                shutil.copyfileobj(body, file, 1 << 20)
        file.write(self._encoded("".join(self.out)))
        self.out.clear()

    def _end_part(self) -> None:
        self._parts += 1
        if self._archive is not None:
            self._archive.writestr(self._entry(), self._encoded(self._layout.head() + "".join(self.out)))
        self.out.clear()
        self._count = 0

    def _entry(self) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(f"{self._layout.stem}_{self._parts:04}.{self._layout.suffix}", _EPOCH)
        entry.external_attr = 0o644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        return entry

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._layout.encoding, "replace")


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


def fixed(text: str) -> Callable[[], str]:
    """A head that is always the same."""
    return lambda: text


def csv_head(columns: Sequence[str]) -> Callable[[], str]:
    """The first line of a CSV file; none of our headings needs quotes."""
    return fixed(",".join(columns) + "\r\n")
