"""One request to the accounting API, as its handlers see it."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from simulators.core.http import Json
from simulators.core.money import loads, q2
from simulators.xero.books import Books, new_id
from simulators.xero.dates import moment_out, since_in
from simulators.xero.element import LARGEST, Element, MalformedError, NotSimulatedError, elements_of
from simulators.xero.queries import Query
from simulators.xero.table import HasId, Table
from simulators.xero.wire import answer
from simulators.xero.writes import Shape, save_all

R = TypeVar("R", bound=HasId)


class MissingError(Exception):
    """No such record; answered 404 as a page."""


@dataclass(frozen=True)
class Call:
    """Books, path below the endpoint, query (names in lower case), raw body.

    `summarize` is None when the parameter is absent. `cut_after` is a scripted failure inside a batch.
    """

    request: Request
    books: Books
    client: str
    rest: tuple[str, ...]
    query: Query
    body: bytes
    cut_after: int | None = None

    @property
    def method(self) -> str:
        """GET, PUT, POST or DELETE."""
        return self.request.method

    @property
    def put(self) -> bool:
        """Whether this creates (PUT) rather than upserts (POST)."""
        return self.method == "PUT"

    @property
    def summarize(self) -> bool | None:
        """The summarizeErrors parameter."""
        if "summarizeerrors" not in self.query.parameters:
            return None
        return self.query.flag("summarizeerrors")

    @property
    def unitdp(self) -> int:
        """Decimals of unit amounts, 2 or 4."""
        return 4 if self.query.parameters.get("unitdp") == "4" else 2

    def elements(self, plural: str, *, wrapped: bool = True) -> list[Element]:
        """The elements of the body, which itself is the element where not `wrapped`.

        Raises MalformedError, NotSimulatedError.
        """
        if self.body.lstrip().startswith(b"<"):
            raise NotSimulatedError("XML request bodies")
        try:
            parsed = loads(self.body)
        except ValueError as error:
            raise MalformedError("The request body is not valid JSON") from error
        if not wrapped and isinstance(parsed, dict):
            return [Element(parsed)]
        found = elements_of(parsed, plural)
        if not found:
            raise MalformedError(f"No {plural} in the request")
        return found

    def reply(self, plural: str, items: list[Json], pagination: dict[str, int] | None = None) -> Response:
        """The envelope of every 200."""
        payload: Json = {
            "Id": new_id(),
            "Status": "OK",
            "ProviderName": self.client,
            "DateTimeUTC": moment_out(self.books.now),
        }
        if pagination is not None:
            payload["pagination"] = pagination
        payload[plural] = items if self.unitdp == 4 else [_coarse(item) for item in items]
        return answer(self.request, payload)

    def saved(
        self,
        plural: str,
        id_field: str,
        save: Callable[[Element], Json],
        flag: str = "HasErrors",
        *,
        wrapped: bool = True,
    ) -> Response:
        """Save the elements of the body one by one and answer with what became of each."""
        shown = save_all(
            self.books, self.elements(plural, wrapped=wrapped), save, Shape(id_field, flag),
            summarize=self.summarize, cut_after=self.cut_after,
        )  # fmt: skip
        return self.reply(plural, shown)

    def one_of(self, table: Table[R]) -> R:
        """The record with the id in the path. Raises MissingError."""
        found = table.get(self.rest[0].lower())
        if found is None:
            raise MissingError
        return found


def query_of(request: Request, volume: int) -> Query:
    """The list parameters of a request."""
    parameters = {key.lower(): value for key, value in request.query_params.items()}
    return Query(parameters, since_in(request.headers.get("if-modified-since")), volume)


def _coarse(item: Json) -> Json:
    """Unit amounts to two places: a caller sees four with unitdp=4 only."""
    out = dict(item)
    if isinstance(lines := out.get("LineItems"), list):
        out["LineItems"] = [_rounded(line, "UnitAmount") for line in lines]
    for side in ("SalesDetails", "PurchaseDetails"):
        if isinstance(details := out.get(side), dict):
            out[side] = _rounded(details, "UnitPrice")
    return out


def _rounded(part: Any, key: str) -> Any:
    """The echo of a refused element may hold anything: no object at all, or a number that no rounding takes."""
    amount = part.get(key) if isinstance(part, dict) else None
    return part | {key: q2(amount)} if isinstance(amount, Decimal) and abs(amount) < LARGEST else part
