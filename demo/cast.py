"""Who plays in the story: firms with their keys, their connections, the vendors' people, the terminal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from demo.books import FirmBooks
from demo.caller import Api, Simulators, TookTooLong, wait_for
from demo.stage import Stage
from demo.terminal import NotAsTold, Terminal
from simulators.intuit.seeds import US_REALM
from simulators.xero import TENANT_NZ, TENANT_US

A = "/api/v1/accounting"
DISPLAY = {"quickbooks": "QuickBooks", "xero": "Xero"}
WEBHOOK_PATH = {"quickbooks": "/api/webhooks/qbo", "xero": "/api/webhooks/xero"}
COMPANIES = {("A", "quickbooks"): US_REALM, ("A", "xero"): TENANT_US, ("B", "xero"): TENANT_NZ}


@dataclass(frozen=True, slots=True)
class Link:
    """A firm's connection to one company."""

    connection_id: int
    provider: str
    company: str
    company_name: str

    @property
    def path(self) -> str:
        """The connection's address."""
        return f"{A}/connections/{self.connection_id}"

    @property
    def vendor(self) -> str:
        """The provider as people call it."""
        return DISPLAY[self.provider]


@dataclass(slots=True)
class Firm:
    """A firm: its books, its key, and what the service called its records. `clients`: reference → id."""

    books: FirmBooks
    firm_id: int
    key: str
    api: Api
    clients: dict[str, int] = field(default_factory=dict)
    invoices: dict[str, int] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    def at_home(self, provider: str) -> list[str]:
        """References of the invoices whose clients have their home at a provider."""
        homes = self.books.homes
        return [one["external_ref"] for one in self.books.invoices if homes[one["client_ref"]] == provider]


@dataclass(slots=True)
class Scene:
    """Everything at hand while the story is told. `seeds`: company → ids of what was there before us."""

    stage: Stage
    terminal: Terminal
    sims: Simulators
    firms: list[Firm] = field(default_factory=list)
    seeds: dict[str, frozenset[str]] = field(default_factory=dict)

    def links(self) -> Iterator[tuple[Firm, Link]]:
        """Every connection with its firm, in the order they were made."""
        for firm in self.firms:
            for link in firm.links.values():
                yield firm, link

    def until(self, look: Callable[[], object], fact: str) -> None:
        """A tick as soon as a fact holds. Raises NotAsTold when that takes too long."""
        try:
            wait_for(look, fact)
        except TookTooLong as late:
            raise NotAsTold(str(late)) from None
        self.terminal.check(True, fact)

    def writes(self) -> dict[int, int]:
        """Per connection how many writing calls its company has answered so far."""
        return {link.connection_id: self.sims.writes(link.provider, link.company) for _, link in self.links()}
