"""What QuickBooks takes as text, and the marker by which a record there is known as ours. Pure."""

import re
import unicodedata
from collections.abc import Iterator

from app.canonical import Company
from app.errors import Fault

MAX_NUMBER = 21
MARKER = re.compile(r"\btieout:(\S+)")
_TOO_LONG = "QuickBooks takes at most {limit} characters for {what}; this one has {length}."


def number_too_long(what: str, number: str) -> Fault:
    """The fault of a document number that does not fit."""
    return Fault(
        "number_too_long",
        f"QuickBooks takes {what} numbers of at most {MAX_NUMBER} characters; {number} has {len(number)}.",
        fix="Shorten the number.",
        field="number",
    )


def currency(code: str, company: Company) -> Iterator[Fault]:
    """Another currency than the company's own needs multicurrency there."""
    if code and code != company.currency and not company.multicurrency:
        yield Fault(
            "currency_not_enabled",
            f"{company.name} keeps its books in {company.currency} alone; this record is in {code}.",
            who="admin",
            fix="Switch multicurrency on in QuickBooks (it cannot be switched off again).",
            field="currency",
        )


def text(field: str, what: str, value: str, limit: int, *, newlines: bool = True) -> Iterator[Fault]:
    """Too long, or with characters that are not taken."""
    if len(value) > limit:
        yield Fault(
            "text_too_long", _TOO_LONG.format(limit=limit, what=what, length=len(value)), fix="Shorten it.", field=field
        )
    yield from characters(field, value, newlines=newlines)


def characters(field: str, value: str, *, newlines: bool) -> Iterator[Fault]:
    """Control characters and everything outside the basic plane (emoji) come back as error 2040 or mangled."""
    allowed = "\n\r\t" if newlines else ""
    wrong = sorted({char for char in value if char not in allowed and _is_unsupported(char)})
    if wrong:
        named = ", ".join(char if char > "\uffff" else f"U+{ord(char):04X}" for char in wrong)
        yield Fault(
            "unsupported_characters",
            f"QuickBooks does not accept these characters in {field}: {named}.",
            fix="Remove them.",
            field=field,
        )


def _is_unsupported(char: str) -> bool:
    return char > "\uffff" or unicodedata.category(char) in {"Cc", "Cs"}


def marker_in(text: str) -> str:
    """Our reference in a note, "" where there is none; it survives QuickBooks writing `Voided` before it."""
    found = MARKER.search(text)
    return found.group(1) if found else ""


def marker_difference(ours: str, theirs: str) -> list[str]:
    """Why a record is not ours, by its marker; empty where it is."""
    if ours and ours == theirs:
        return []
    return ["it belongs to another record of ours" if theirs else "it was not written by us"]
