"""One request to the accounting API, as its handlers see it."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from simulators.core.http import Json
from simulators.core.money import loads
from simulators.xero.books import Books, new_id
from simulators.xero.dates import moment_out, since_in
from simulators.xero.element import Element, MalformedError, NotSimulatedError, elements_of
from simulators.xero.queries import Query
from simulators.xero.wire import answer


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

    def elements(self, plural: str) -> list[Element]:
        """The elements of the body. Raises MalformedError, NotSimulatedError."""
        if self.body.lstrip().startswith(b"<"):
            raise NotSimulatedError("XML request bodies")
        try:
            parsed = loads(self.body)
        except ValueError as error:
            raise MalformedError("The request body is not valid JSON") from error
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
        payload[plural] = items
        return answer(self.request, payload)


def query_of(request: Request) -> Query:
    """The list parameters of a request."""
    parameters = {key.lower(): value for key, value in request.query_params.items()}
    return Query(parameters, since_in(request.headers.get("if-modified-since")))
