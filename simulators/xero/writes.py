"""Batches of elements: all or nothing by default, element by element with summarizeErrors=false."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import DecimalException

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.dates import day_in, day_out
from simulators.xero.element import ZERO_GUID, Element, RefusedError

# A product of numbers that are each in range; our words.
OUT_OF_RANGE = "An amount of this record is out of range"
_DATES = {"date", "duedate", "expectedpaymentdate", "plannedpaymentdate"}


class BatchError(Exception):
    """At least one element was refused and nothing was saved; `elements` are the failing ones."""

    def __init__(self, elements: list[Json]) -> None:
        super().__init__(f"{len(elements)} elements refused")
        self.elements = elements


class CutShortError(Exception):
    """A scripted failure in the middle of a batch: what came before stays saved."""


@dataclass(frozen=True)
class Shape:
    """How one entity answers: its id field, and the flag that marks a failed element."""

    id_field: str
    error_flag: str


def save_all(
    books: Books,
    elements: list[Element],
    save: Callable[[Element], Json],
    shape: Shape,
    *,
    summarize: bool | None,
    cut_after: int | None = None,
) -> list[Json]:
    """Save the elements in order and return what the answer shows for each.

    `summarize` None and True refuse the whole request when one element is bad (Xero's default behaves as
    true). `cut_after` n raises CutShortError after n elements, which stay. Raises BatchError.
    """
    start = books.mark()
    shown: list[Json] = []
    failed: list[Json] = []
    for at, element in enumerate(elements):
        if cut_after is not None and at >= cut_after:
            raise CutShortError
        before = books.mark()
        books.warnings.clear()
        try:
            shown.append(_shown(save(element), books.warnings, status=summarize is False))
        except (RefusedError, DecimalException) as error:
            books.rollback(before)
            messages = error.messages if isinstance(error, RefusedError) else [OUT_OF_RANGE]
            echo = _echo(element, messages, shape, status=summarize is False)
            shown.append(echo)
            failed.append(echo)
    if failed and summarize is not False:
        books.rollback(start)
        raise BatchError(failed)
    return shown


def _shown(saved: Json, warnings: list[str], *, status: bool) -> Json:
    """A saved element, with what was dropped or doubtful about it."""
    out = dict(saved)
    if warnings:
        out["Warnings"] = [{"Message": message} for message in warnings]
    if status:
        out["StatusAttributeString"] = "WARNING" if warnings else "OK"
    return out


def _echo(element: Element, messages: list[str], shape: Shape, *, status: bool) -> Json:
    """The thin echo of a refused element: what was sent, the id or the zero GUID, and the messages."""
    out: Json = {}
    for key, value in element.raw.items():
        if value is None or key in ("HasErrors", "HasValidationErrors"):
            continue
        out[key] = _echoed_day(value) if key.lower() in _DATES and isinstance(value, str) else value
    out[shape.id_field] = element.guid(shape.id_field) or ZERO_GUID
    out[shape.error_flag] = True
    if status:
        out["StatusAttributeString"] = "ERROR"
    out["ValidationErrors"] = [{"Message": message} for message in messages]
    return out


def _echoed_day(text: str) -> str:
    """A date in the form of answers; what is none stays as it was sent."""
    try:
        return day_out(day_in(text))
    except (ValueError, OverflowError):
        return text
