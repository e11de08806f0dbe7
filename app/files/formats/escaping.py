"""What may not stand at the beginning of a text cell, and the number of an entry within its narration.

A spreadsheet takes a text that begins with = + - @ for a formula, some also with their wide forms. Texts get an
apostrophe before it, which reading takes away again; amounts and names never get one.
"""

import re

SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"
_FORMULA = re.compile(rf"\s*'*[{SIGNS}]")
_ESCAPED = re.compile(rf"'\s*'*[{SIGNS}]")
_NUMBERED = re.compile(r"(?:(?P<text>.*) )?\[(?P<number>[^\[\]]{1,255})\]", re.DOTALL)


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet would compute this text."""
    return _FORMULA.match(text) is not None


def escape(text: str) -> str:
    """The text with an apostrophe before it, where it looks like a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape(text: str) -> str:
    """The text as it was before `escape`."""
    return text[1:] if _ESCAPED.match(text) else text


def with_number(narration: str, number: str) -> str:
    """`Rent [JE-7]`, for formats that know no number."""
    return f"{narration} [{number}]" if narration else f"[{number}]"


def split_number(narration: str) -> tuple[str, str]:
    """Narration and number of `with_number`; the number is empty where none was put there."""
    found = _NUMBERED.fullmatch(narration)
    return (found["text"] or "", found["number"]) if found else (narration, "")
