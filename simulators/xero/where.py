"""The `where` filter: comparisons, &&/AND, ||/OR, !, parentheses, null, DateTime(), Guid(), Contains() and kin.

Text compares without regard to case. A condition on an empty field is false, except `== null`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

from simulators.xero.element import MalformedError, NotSimulatedError

Value = str | Decimal | bool | date | datetime | None
R = TypeVar("R")
Getter = Callable[[R], Value]
Test = Callable[[Callable[[str], Value]], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)
    |(?P<op>==|!=|<>|>=|<=|&&|\|\||[=<>!(),])|(?P<word>[A-Za-z_][A-Za-z0-9_.]*))""",
    re.VERBOSE,
)
_METHODS = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}


# Fields that Xero can filter by and the simulator does not keep or does not offer.
ABSENT_FIELDS = frozenset(
    {
        "bankaccount.name", "batchpaymentid", "brandingthemeid", "contact.accountnumber", "contact.emailaddress",
        "currencyrate", "discount", "expectedpaymentdate", "hasattachments", "haserrors", "hasvalidationerrors",
        "isdiscounted", "istrackedasinventory", "lineamounttypes", "plannedpaymentdate", "purchasedetails.unitprice",
        "reporttaxtype", "salesdetails.unitprice", "website",
    }
)  # fmt: skip


class QueryError(MalformedError):
    """The filter or the order cannot be read; answered 400 QueryParseException."""


@dataclass(frozen=True)
class _Path:
    name: str


@dataclass
class Filter:
    """A parsed filter.

    `equals` holds the `Field == "text"` conditions that every match must meet; `fields` all fields it reads, in
    lower case; `plain` says that there is nothing but such conditions in it.
    """

    test: Test
    equals: dict[str, str]
    fields: frozenset[str] = frozenset()
    plain: bool = False

    def matches(self, record: R, fields: Mapping[str, Getter[R]]) -> bool:
        """Whether the record passes. Raises QueryError on a field the entity does not have."""

        def get(name: str) -> Value:
            getter = fields.get(name.lower())
            if getter is None:
                raise QueryError(f"No property or field '{name}' exists")
            return getter(record)

        return self.test(get)


def check_known(names: Iterable[str], fields: Mapping[str, Getter[R]]) -> None:
    """Whether the entity has these fields, in lower case. Raises QueryError, NotSimulatedError."""
    for name in names:
        if name in ABSENT_FIELDS and name not in fields:
            raise NotSimulatedError(f"filtering or ordering by {name}")
        if name not in fields:
            raise QueryError(f"No property or field '{name}' exists")


def parse(text: str) -> Filter:
    """Parse a `where` text. Raises QueryError."""
    parser = _Parser(text)
    test = parser.either()
    parser.finish()
    plain = not parser.branched and parser.plain == len(parser.equals) == parser.tests
    return Filter(test, {} if parser.branched else parser.equals, frozenset(parser.fields), plain)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self.branched = False
        self.equals: dict[str, str] = {}
        self.fields: set[str] = set()
        self.plain = self.tests = 0
        position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None or found.lastgroup is None:
                raise QueryError(f"Unexpected character at position {position}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def either(self) -> Test:
        parts = [self._both()]
        while self._take("||", "or"):
            self.branched = True
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda get: any(part(get) for part in parts)

    def finish(self) -> None:
        if self._at != len(self._tokens):
            raise QueryError(f"Unexpected '{self._tokens[self._at][1]}'")

    def _both(self) -> Test:
        parts = [self._not()]
        while self._take("&&", "and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda get: all(part(get) for part in parts)

    def _not(self) -> Test:
        if self._take("!", "not"):
            self.branched = True
            inner = self._not()
            return lambda get: not inner(get)
        if self._take("("):
            inner = self.either()
            self._need(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        self.tests += 1
        left = self._operand()
        if isinstance(left, _Path) and (call := self._method(left)) is not None:
            return call
        if (operator := self._operator()) is None:
            if isinstance(left, _Path):
                return lambda get: get(left.name) is True
            raise QueryError("Expression of type 'Boolean' expected")
        right = self._operand()
        if operator == "==" and isinstance(left, _Path) and isinstance(right, str):
            self.equals[left.name.lower()] = right
            self.plain += 1
        return lambda get: _compare(_value(left, get), operator, _value(right, get))

    def _method(self, path: _Path) -> Test | None:
        name, _, method = path.name.rpartition(".")
        if method.lower() not in _METHODS or not self._take("("):
            return None
        wanted = self._operand()
        self._need(")")
        if not isinstance(wanted, str):
            raise QueryError(f"{method} needs a text")
        apply = _METHODS[method.lower()]
        return lambda get: bool(apply(str(get(name) or "").lower(), wanted.lower()))

    def _operand(self) -> Value | _Path:
        if self._at >= len(self._tokens):
            raise QueryError("Expression expected")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return Decimal(text)
        if kind != "word":
            raise QueryError(f"Unexpected '{text}'")
        word = self._word(text)
        if isinstance(word, _Path):
            self.fields.add(
                word.name.lower().removesuffix(".contains").removesuffix(".startswith").removesuffix(".endswith")
            )
        return word

    def _word(self, text: str) -> Value | _Path:
        lower = text.lower()
        if lower in ("true", "false"):
            return lower == "true"
        if lower == "null":
            return None
        if lower in ("datetime", "guid") and self._take("("):
            arguments = [self._operand()]
            while self._take(","):
                arguments.append(self._operand())
            self._need(")")
            return _constructed(lower, arguments)
        for suffix in (".tolower", ".toupper"):
            # Case never matters here, so these change nothing.
            if lower.endswith(suffix) and self._take("("):
                self._need(")")
                return _Path(text[: -len(suffix)])
        return _Path(text)

    def _operator(self) -> str | None:
        for symbol in ("==", "!=", ">=", "<=", "=", "<>", ">", "<"):
            if self._take(symbol):
                return {"=": "==", "<>": "!="}.get(symbol, symbol)
        return None

    def _take(self, *wanted: str) -> bool:
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        if kind not in ("op", "word") or text.lower() not in wanted:
            return False
        self._at += 1
        return True

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise QueryError(f"'{wanted}' expected")


def _constructed(name: str, arguments: list[Value | _Path]) -> Value:
    if name == "guid" and len(arguments) == 1 and isinstance(arguments[0], str):
        return arguments[0].lower()
    numbers = [int(a) for a in arguments if isinstance(a, Decimal)]
    if name == "datetime" and len(numbers) == len(arguments) and 3 <= len(numbers) <= 6:
        year, month, day, *rest = numbers
        hour, minute, second = (*rest, 0, 0, 0)[:3]
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            raise QueryError(str(error)) from error
    raise QueryError(f"{name} cannot be built from these arguments")


def _value(operand: Value | _Path, get: Callable[[str], Value]) -> Value:
    return _normal(get(operand.name) if isinstance(operand, _Path) else operand)


def _normal(value: Value) -> Value:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _compare(left: Value, operator: str, right: Value) -> bool:
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if left is None or right is None:
        return False
    pairs = (str, Decimal, datetime)
    if not any(isinstance(left, kind) and isinstance(right, kind) for kind in pairs):
        raise QueryError(f"Operator '{operator}' incompatible with operand types")
    order = (left > right) - (left < right)  # type: ignore[operator]  # both are of one ordered type, see above
    return {">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[operator]
