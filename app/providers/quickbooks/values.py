"""Single values as Intuit writes them: texts, amounts, dates, moments, addresses. Pure, and lenient about gaps."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import quote


def text_of(value: object) -> str:
    """Text as given, numbers spelled out, "" for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return ""


def amount_of(value: object) -> Decimal:
    """An exact amount; absent or empty means 0 (Intuit leaves out what is null). Raises ValueError for other text."""
    if value is None or value == "":
        return Decimal(0)
    try:
        return Decimal(text_of(value))
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {value!r}") from error


def date_of(value: object) -> date | None:
    """A business date, or None where there is none."""
    text = text_of(value)
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None


def moment(value: object) -> datetime | None:
    """An aware UTC moment, or None: without an offset a stamp could mean several moments, so it counts as absent.

    Seen: `2026-05-05T02:08:54.543-07:00`, `2026-10-05T14:42:19-0700`, `...Z`, and nanoseconds.
    """
    text = text_of(value)
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    return stamp.astimezone(UTC) if stamp.tzinfo else None


def stamp(value: datetime) -> str:
    """A moment as Intuit's filters take it; without the offset they would read Pacific time."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def quoted(value: str) -> str:
    """A text in a query: in single quotes, with `'` and backslash escaped by a backslash (doubling them fails)."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def company_path(company_id: str, *parts: str) -> str:
    """The address of a company, or of something below it, under the API's base."""
    return "/v3/company/" + "/".join(quote(part, safe="") for part in (company_id, *parts))
