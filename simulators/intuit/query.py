"""The query language: text -> Query (reference 2.6). Raises 4000 for what the grammar does not have.

SELECT * | COUNT(*) FROM Entity [WHERE c AND c ...] [ORDERBY f [ASC|DESC], ...] [STARTPOSITION n] [MAXRESULTS n]
with = < > <= >= IN LIKE. No OR, !=, JOIN, GROUP BY, nesting or projections; `*, Field` is taken as `*`.
"""

import re
from dataclasses import dataclass, field

from simulators.intuit.faults import QboFault

DEFAULT_PAGE = 100
MAX_PAGE = 1000
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<op><=|>=|=|<|>)
      | (?P<mark>[(),*])
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.-]))
      | (?P<word>[A-Za-z_][\w.]*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Condition:
    """One comparison; `values` are unescaped texts (several only for IN)."""

    field: str
    op: str
    values: tuple[str, ...]


@dataclass
class Query:
    """A parsed statement. `order` holds (field, descending)."""

    entity: str
    count: bool = False
    where: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    start: int = 1
    size: int = DEFAULT_PAGE


def parse(statement: str) -> Query:
    """Parse one statement. Raises QboFault 4000."""
    return _Reader(_tokens(statement)).query()


def parse_error(detail: str) -> QboFault:
    """4000 with the detail the service gives."""
    return QboFault("4000", "Error parsing query", f"QueryParserError: {detail}")


def _tokens(statement: str) -> list[tuple[str, str]]:
    out, at, text = [], 0, statement.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise parse_error(f'Encountered "{text[at : at + 12].strip()}" at column {at + 1}')
        kind = str(match.lastgroup)
        out.append((kind, match.group(kind)))
        at = match.end()
    return out


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._expect("select")
        count = self._columns()
        self._expect("from")
        query = Query(self._take("word"), count)
        if self._accept("where"):
            query.where.append(self._condition())
            while self._accept("and"):
                query.where.append(self._condition())
        self._tail(query)
        return query

    def _columns(self) -> bool:
        if self._accept("count"):
            for mark in "(*)":
                self._expect(mark)
            return True
        self._expect("*")
        while self._accept(","):
            self._take("word")
        return False

    def _tail(self, query: Query) -> None:
        while self._at < len(self._tokens):
            if self._accept("orderby"):
                self._order(query)
            elif self._accept("order"):
                self._expect("by")
                self._order(query)
            elif self._accept("startposition"):
                query.start = self._count()
            elif self._accept("maxresults"):
                query.size = min(self._count(), MAX_PAGE)
            else:
                raise self._surprise()

    def _order(self, query: Query) -> None:
        while True:
            name = self._take("word")
            down = self._accept("desc")
            if not down:
                self._accept("asc")
            query.order.append((name, down))
            if not self._accept(","):
                return

    def _condition(self) -> Condition:
        name = self._take("word")
        if self._accept("in"):
            self._expect("(")
            values = [self._value()]
            while self._accept(","):
                values.append(self._value())
            self._expect(")")
            return Condition(name, "in", tuple(values))
        if self._accept("like"):
            return Condition(name, "like", (self._value(),))
        return Condition(name, self._take("op"), (self._value(),))

    def _value(self) -> str:
        kind, text = self._peek()
        if kind == "string":
            self._at += 1
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number" or (kind == "word" and text.lower() in ("true", "false", "current_date")):
            self._at += 1
            return text
        raise self._surprise()

    def _count(self) -> int:
        text = self._take("number")
        if not text.isdigit() or int(text) < 1:
            raise parse_error(f'Encountered "{text}", expected a positive whole number')
        return int(text)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "<EOF>")

    def _take(self, kind: str) -> str:
        found, text = self._peek()
        if found != kind:
            raise self._surprise()
        self._at += 1
        return text

    def _accept(self, word: str) -> bool:
        kind, text = self._peek()
        if kind in ("word", "mark") and text.lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._surprise()

    def _surprise(self) -> QboFault:
        return parse_error(f'Encountered "{self._peek()[1]}" at token {self._at + 1}')
