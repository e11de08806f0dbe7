"""Tracking categories and their options, and how a line names them."""

from dataclasses import replace

from simulators.xero.books import Books, new_id
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import Tracking
from simulators.xero.model_lists import TrackingCategory, TrackingOption

ACTIVE_LIMIT, TOTAL_LIMIT, PER_LINE = 2, 4, 2
STATUSES = ("ACTIVE", "ARCHIVED")


def tracked(books: Books, element: Element) -> Tracking:
    """The (category id, option id) pairs of a line. Raises RefusedError for more than two.

    What the organisation does not know, or has archived, is left out with a warning.
    """
    sent = element.children("Tracking") or []
    if len(sent) > PER_LINE:
        raise RefusedError(f"A line can have at most {PER_LINE} tracking categories")
    found: list[tuple[str, str]] = []
    for child in sent:
        category = _category(books, child)
        option = _option(category, child) if category else None
        if category is None or option is None:
            name = child.text("Name") or child.text("TrackingCategoryID") or ""
            books.warn(f"Tracking '{name}' has been removed as it does not match an active tracking option.")
        elif category.id not in {known for known, _ in found}:
            found.append((category.id, option.id))
    return tuple(found)


def save_category(books: Books, element: Element, old: TrackingCategory | None) -> TrackingCategory:
    """Create or change a category. Raises RefusedError."""
    start = old or TrackingCategory(new_id(), "")
    name = start.name if element.text("Name") is None else element.text("Name") or ""
    fresh = replace(start, name=name, status=_status(element, start.status))
    others = [c for c in books.tracking.rows.values() if c.id != fresh.id]
    _check_name(name, [c.name for c in others])
    if fresh.status == "ACTIVE" and sum(c.status == "ACTIVE" for c in others) >= ACTIVE_LIMIT:
        raise RefusedError(f"There can be at most {ACTIVE_LIMIT} active tracking categories")
    if len(others) >= TOTAL_LIMIT:
        raise RefusedError(f"There can be at most {TOTAL_LIMIT} tracking categories")
    if old is None:
        for child in element.children("Options") or []:
            fresh = _with_option(fresh, child, None)
    return books.tracking.put(fresh)


def delete_category(books: Books, category: TrackingCategory) -> TrackingCategory:
    """Take a category out for good; one that records carry can only be archived. Raises RefusedError."""
    if any(books.option_used(option.id) for option in category.options):
        raise RefusedError("The tracking category is used in transactions and can only be archived")
    books.tracking.remove(category.id)
    return replace(category, status="DELETED")


def save_option(
    books: Books, category: TrackingCategory, element: Element, old: TrackingOption | None
) -> TrackingOption:
    """Create or change an option. Raises RefusedError."""
    fresh = books.tracking.put(_with_option(category, element, old))
    return fresh.options[-1] if old is None else fresh.option(old.id) or old


def delete_option(books: Books, category: TrackingCategory, option: TrackingOption) -> TrackingOption:
    """Take an option out for good. Raises RefusedError when records carry it."""
    if books.option_used(option.id):
        raise RefusedError("The tracking option is used in transactions and can only be archived")
    books.tracking.put(replace(category, options=tuple(o for o in category.options if o.id != option.id)))
    return replace(option, status="DELETED")


def _with_option(category: TrackingCategory, element: Element, old: TrackingOption | None) -> TrackingCategory:
    start = old or TrackingOption(new_id(), "")
    name = start.name if element.text("Name") is None else element.text("Name") or ""
    fresh = replace(start, name=name, status=_status(element, start.status))
    _check_name(name, [o.name for o in category.options if o.id != fresh.id])
    if old is None:
        return replace(category, options=(*category.options, fresh))
    return replace(category, options=tuple(fresh if o.id == old.id else o for o in category.options))


def _status(element: Element, present: str) -> str:
    status = (element.text("Status") or present).upper()
    if status not in STATUSES:
        raise RefusedError(f"Status '{status}' is not valid")
    return status


def _check_name(name: str, taken: list[str]) -> None:
    if not 1 <= len(name) <= 100:
        raise RefusedError("The Name must have 1 to 100 characters")
    if name.lower() in {other.lower() for other in taken}:
        raise RefusedError(f"The name '{name}' is already in use")


def _category(books: Books, child: Element) -> TrackingCategory | None:
    by_id = books.tracking.get(child.guid("TrackingCategoryID"))
    name = (child.text("Name") or "").lower()
    found = by_id or next((c for c in books.tracking.rows.values() if name and c.name.lower() == name), None)
    return found if found is not None and found.status == "ACTIVE" else None


def _option(category: TrackingCategory, child: Element) -> TrackingOption | None:
    found = category.option(child.guid("TrackingOptionID") or "")
    name = (child.text("Option") or "").lower()
    found = found or next((o for o in category.options if name and o.name.lower() == name), None)
    return found if found is not None and found.status == "ACTIVE" else None
