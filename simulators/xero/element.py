"""Reading one element of a request body the way Xero does: keys in any case, numbers also as text."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from simulators.xero.dates import day_in

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
# Beyond what any field takes (a line goes to 9,999,999,999.99); the text of the refusal is ours.
LARGEST = Decimal("1e13")
SMALLEST = Decimal("1e-10")


class RefusedError(Exception):
    """The element breaks rules; `messages` become its ValidationErrors."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = list(messages)


class MalformedError(Exception):
    """The body as a whole cannot be read; answered 400 without elements."""


class NotSimulatedError(Exception):
    """Xero has this, the simulator has not; answered 501 with the text."""


class Element:
    """A JSON object with case-insensitive keys. A null counts as absent, except where `is_null` is asked."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw
        self._lower = {key.lower(): value for key, value in raw.items()}

    def has(self, key: str) -> bool:
        """Whether the key came with a value."""
        return self._lower.get(key.lower()) is not None

    def is_null(self, key: str) -> bool:
        """Whether the key came with null."""
        return key.lower() in self._lower and self._lower[key.lower()] is None

    def text(self, key: str) -> str | None:
        """Text as sent; numbers are taken as their text."""
        value = self._lower.get(key.lower())
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            return str(value)
        raise MalformedError(f"{key} must be text")

    def guid(self, key: str) -> str | None:
        """An identifier in lower case; the zero GUID and "" mean none."""
        value = (self.text(key) or "").strip().lower()
        return None if value in ("", ZERO_GUID) else value

    def number(self, key: str) -> Decimal | None:
        """A number, also when quoted. Raises MalformedError, and RefusedError for one that no amount can be."""
        value = self._lower.get(key.lower())
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
            raise MalformedError(f"{key} must be a number")
        try:
            number = Decimal(value)
        except InvalidOperation as error:
            raise MalformedError(f"{key} must be a number") from error
        if not number.is_finite():
            raise MalformedError(f"{key} must be a number")
        if number and not SMALLEST <= abs(number) < LARGEST:
            raise RefusedError(f"{key} is out of range: {number:.6E}")
        return number

    def day(self, key: str) -> date | None:
        """A calendar date in either form. Raises MalformedError."""
        value = self.text(key)
        if not value:
            return None
        try:
            return day_in(value)
        except (ValueError, OverflowError) as error:
            raise MalformedError(f"{key} is not a date: {value}") from error

    def flag(self, key: str) -> bool | None:
        """A boolean, also as text."""
        value = self._lower.get(key.lower())
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise MalformedError(f"{key} must be true or false")

    def child(self, key: str) -> "Element | None":
        """A nested object."""
        value = self._lower.get(key.lower())
        if value is None:
            return None
        if not isinstance(value, dict):
            raise MalformedError(f"{key} must be an object")
        return Element(value)

    def children(self, key: str) -> "list[Element] | None":
        """A nested list of objects; None when absent."""
        value = self._lower.get(key.lower())
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise MalformedError(f"{key} must be a list of objects")
        return [Element(item) for item in value]


def elements_of(body: object, plural: str) -> list[Element]:
    """The elements of a body: the plural wrapper, a bare list, or a single bare object."""
    if isinstance(body, dict):
        wrapped = Element(body).children(plural)
        return wrapped if wrapped is not None else [Element(body)]
    if isinstance(body, Sequence) and not isinstance(body, str) and all(isinstance(item, dict) for item in body):
        return [Element(item) for item in body]
    raise MalformedError(f"expected {plural}")
