"""The story in five steps: two firms, their books, three companies, payments, and both sides tied out."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from demo.books import FirmBooks, load_books
from demo.caller import Api, Simulators
from demo.cast import A, Firm, Scene
from demo.connecting import connect_all
from demo.paying import pay_all
from demo.pushing import push_all
from demo.stage import Stage
from demo.terminal import Terminal
from demo.tieout import tie_out


def tell(stage: Stage, terminal: Terminal) -> tuple[bool, list[Firm]]:
    """Tell it all: whether both sides agree in the end, and the firms. Raises NotAsTold where a fact does not hold."""
    scene = Scene(stage, terminal, Simulators(stage.simulators_url))
    try:
        terminal.step("Two firms and their books, loaded over the REST API")
        open_firms(scene)
        for firm in scene.firms:
            load(scene, firm)
        terminal.step("Connecting: the OAuth journey, three times")
        connect_all(scene)
        terminal.step("Pushing clients and invoices")
        push_all(scene)
        terminal.step("Getting paid")
        pay_all(scene)
        terminal.step("Tying out")
        return tie_out(scene), scene.firms
    finally:
        scene.sims.close()
        for firm in scene.firms:
            firm.api.close()


def open_firms(scene: Scene) -> None:
    """A firm and an admin's API key each, by the operator's commands."""
    with ThreadPoolExecutor() as pool:
        scene.firms = list(pool.map(lambda books: _open(scene.stage, books), load_books()))
    for firm in scene.firms:
        found = firm.api.get(f"{A}/firm")
        scene.terminal.check(
            (found["name"], found["time_zone"]) == (firm.books.name, firm.books.time_zone),
            f"{found['name']} ({found['time_zone']}) exists, and its key opens it",
            found,
        )


def _open(stage: Stage, books: FirmBooks) -> Firm:
    made = stage.command_json("firm", "create", books.name, "--time-zone", books.time_zone)
    key = stage.command_json("key", "create", "--firm", str(made["id"]), "--name", "Demo", "--role", "admin")["key"]
    return Firm(books, made["id"], key, Api(stage.service_url, key))


def load(scene: Scene, firm: Firm) -> None:
    """Clients and invoices in one request each, the same again, and what is stored read back."""
    books = firm.books
    for kind, given in (("clients", books.clients), ("invoices", books.invoices)):
        first = firm.api.post(f"{A}/{kind}", {"items": given})
        again = firm.api.post(f"{A}/{kind}", {"items": given})
        scene.terminal.check(
            (first["created"], again["unchanged"]) == (len(given), len(given)),
            f"{books.name}: {len(given)} {kind} stored; the same request again changed nothing",
            (first["created"], again["unchanged"]),
        )
    firm.clients = {one["external_ref"]: one["id"] for one in firm.api.every(f"{A}/clients")}
    stored = firm.api.every(f"{A}/invoices")
    firm.invoices = {one["external_ref"]: one["id"] for one in stored}
    ours, theirs = (sum((Decimal(one["total"]) for one in side), Decimal(0)) for side in (books.invoices, stored))
    lines = sum(len(one["lines"]) for one in stored)
    currency = stored[0]["currency"]
    scene.terminal.check(ours == theirs, f"{lines} lines, {theirs:,} {currency} in all, as in the file", (ours, theirs))
