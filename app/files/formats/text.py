"""From bytes to text: which encoding a file is in, decided by what it holds and not by statistics."""

import codecs
import re
from dataclasses import dataclass

from app.files.formats.model import Unreadable

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINES = re.compile(r"\r\n|\r|\n")
# Spreadsheets write none of these; a file that holds them is no text.
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, the encoding it was in, and what a person should know of it."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """Byte-order mark, then strict UTF-8, then UTF-16 by its NULs, else Windows-1252. Raises Unreadable for no text."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = _strictly(data, encoding).lstrip("\ufeff")
            _refuse_binary(text)
            return Decoded(text, encoding)
    if b"\0" in data:
        high, low = data[0::2].count(0), data[1::2].count(0)
        if max(high, low) * 4 < len(data):
            raise _no_text(0)
        encoding = "utf-16-be" if high > low else "utf-16-le"
        decoded = Decoded(_strictly(data, encoding), encoding)
    else:
        try:
            decoded = Decoded(data.decode("utf-8"), "utf-8")
        except UnicodeDecodeError:
            decoded = _by_line(data)
    _refuse_binary(decoded.text)
    return decoded


def lines_of(text: str) -> list[str]:
    """The lines, ended in any of the three ways; `str.splitlines` would also split at form feeds and the like."""
    return _LINES.split(text)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"The file seems to be {encoding.upper()}, but is damaged at byte {error.start}.",
            code="damaged_encoding",
            fix="Save the file anew as CSV UTF-8.",
        ) from error


def _refuse_binary(text: str) -> None:
    found = _BINARY.search(text)
    if found:
        raise _no_text(ord(found[0]))


def _no_text(character: int) -> Unreadable:
    return Unreadable(
        f"The file is no text: it holds the control character U+{character:04X}.",
        fix="Send the IIF, CSV or XLSX file as QuickBooks or Xero wrote it.",
    )


def _by_line(data: bytes) -> Decoded:
    """Each line by itself, since people join files; a line that is not UTF-8 is Windows-1252."""
    out: list[str] = []
    old: list[int] = []
    new = undefined = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            out.append(line.decode("utf-8"))
            new += not line.isascii()
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
            undefined += "\ufffd" in text
            out.append(text)
            old.append(number)
    notes = []
    if new:
        shown = ", ".join(map(str, old[:5])) + (" …" if len(old) > 5 else "")
        notes.append(f"The file mixes encodings: {len(old)} lines are Windows-1252 (line {shown}), the others UTF-8.")
    if undefined:
        notes.append(f"{undefined} lines hold bytes that no encoding explains; they show as \ufffd.")
    return Decoded("\n".join(out), "mixed" if new else "cp1252", tuple(notes))
