"""Values of control requests, checked before anything is changed; what cannot be is answered 422."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation

from simulators.core.http import Json, Unprocessable

# A simulated company lives in this span; beyond it time stamps and zones stop to work.
YEARS = range(1990, 2200)
LONGEST_WAIT = Decimal(86_400)
LARGEST_AMOUNT = Decimal("1e13")
_WHOLE = 10**9


def decimal_of(value: object, name: str, least: Decimal, most: Decimal) -> Decimal:
    """A finite number between two bounds, also as text. Raises Unprocessable."""
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise Unprocessable(f"{name} must be a number") from error
    if isinstance(value, bool) or not number.is_finite() or not least <= number <= most:
        raise Unprocessable(f"{name} must be a number from {least} to {most}")
    return number


def wait_of(value: object, name: str) -> float:
    """Real seconds from 0 to a day, as asyncio takes them. Raises Unprocessable."""
    return float(decimal_of(value, name, Decimal(0), LONGEST_WAIT))


def amount_of(value: object, name: str = "amount") -> Decimal:
    """An amount of money that is not negative. Raises Unprocessable."""
    return decimal_of(value, name, Decimal(0), LARGEST_AMOUNT)


def whole_of(value: object, name: str, least: int = 0, most: int = _WHOLE) -> int:
    """A whole number between two bounds; texts are none. Raises Unprocessable."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Unprocessable(f"{name} must be a whole number from {least} to {most}")
    return value


def flag_of(body: Json, name: str, present: bool) -> bool:
    """A switch, or its present state when it is not mentioned. Raises Unprocessable."""
    value = body.get(name, present)
    if not isinstance(value, bool):
        raise Unprocessable(f"{name} must be true or false")
    return value


def day_of(value: object, name: str) -> date | None:
    """A calendar date YYYY-MM-DD; None stays None. Raises Unprocessable."""
    if value is None:
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError as error:
        raise Unprocessable(f"{name} must be a date YYYY-MM-DD, not {value}") from error
    if day.year not in YEARS:
        raise Unprocessable(f"{name} must lie between {YEARS.start} and {YEARS.stop}")
    return day


def choice_of(value: object, name: str, known: Iterable[str]) -> str:
    """One of the known words. Raises Unprocessable."""
    words = list(known)
    if not isinstance(value, str) or value not in words:
        raise Unprocessable(f"{name} must be one of {', '.join(words)}")
    return value
