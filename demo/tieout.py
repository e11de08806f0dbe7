"""Step 5: our side and the provider's, record by record and to the cent; every difference with its cause.

Nothing here trusts what the steps before have seen: both sides are read anew, ours through the REST API page by page,
theirs from the vendor's ledger without what the company held before us.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from demo.books import Json
from demo.cast import Firm, Link, Scene
from demo.sides import Payment, Side, our_side, their_side
from demo.terminal import Terminal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may differ: documents refused as foreseen, and documents pushed to a second company, both by number."""

    refused: frozenset[str] = frozenset()
    second: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the sides disagree, and by how much; `cause` names an allowed one and is empty for all others."""

    what: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One connection examined."""

    ours: Side
    theirs: Side
    differences: tuple[Difference, ...]

    @property
    def ties_out(self) -> bool:
        """Whether every difference is an allowed one."""
        return all(one.cause for one in self.differences)


def tie_out(scene: Scene) -> bool:
    """Examine every connection, print what was found, and say whether all of it ties out."""
    findings = []
    for firm, link in scene.links():
        ledger = scene.sims.ledger(link.provider, link.company)
        theirs = their_side(ledger, scene.seeds[link.company])
        finding = examine(our_side(firm, link), theirs, _allowed(firm, link))
        scene.terminal.section(f"{firm.books.name} and “{link.company_name}” at {link.vendor}")
        show(scene.terminal, finding, str(firm.books.invoices[0]["currency"]))
        _trial_balance(scene.terminal, ledger)
        budget = firm.api.get(link.path)["budget"]
        counted = scene.sims.calls(link.provider, link.company)
        scene.terminal.note(
            f"calls: {budget['calls']} by our budget ({budget['day']['used']} today), {counted} counted there,"
            " those of connecting included"
        )
        findings.append(finding)
    return verdict(scene.terminal, findings)


def verdict(terminal: Terminal, findings: Iterable[Finding]) -> bool:
    """Print the last line: `TIED OUT`, or that the sides differ."""
    good = all(finding.ties_out for finding in findings)
    terminal.verdict("TIED OUT" if good else "THE TWO SIDES DIFFER", good=good)
    return good


def examine(ours: Side, theirs: Side, allowed: Allowed) -> Finding:
    """Compare two sides in both directions. Pure."""
    found = [*_customers(ours, theirs), *_documents(ours, theirs, allowed), *_payments(ours, theirs)]
    return Finding(ours, theirs, tuple(found))


def _customers(ours: Side, theirs: Side) -> Iterator[Difference]:
    yield from _duplicates("customer", (name for _, name in theirs.customers))
    yield from _duplicates("customer", (key for key, _ in ours.customers if key))
    there = dict(theirs.customers)
    for key, name in ours.customers:
        other = there.pop(key, None)
        if other != name:
            yield Difference(f"customer {name} is {f'called {other}' if other else 'not'} there")
    for name in there.values():
        yield Difference(f"customer {name} is there and not ours")


def _documents(ours: Side, theirs: Side, allowed: Allowed) -> Iterator[Difference]:
    yield from _duplicates("document", (one.number for one in theirs.documents))
    there = {one.key: one for one in theirs.documents}
    for mine in ours.documents:
        other = there.pop(mine.key, None)
        if other is None:
            cause = "refused as expected" if mine.number in allowed.refused and mine.reason else ""
            yield Difference(
                f"{mine.number} over {mine.total} is not there{': ' if mine.reason else ''}{mine.reason}", cause
            )
            continue
        for name, here, over_there in (
            ("number", mine.number, other.number),
            ("total", mine.total, other.total),
            ("tax", mine.tax, other.tax),
        ):
            if here != over_there:
                yield Difference(f"{mine.number}: {name} {here} here, {over_there} there")
        if mine.settled != other.settled:
            elsewhere = mine.number in allowed.second and not mine.home and other.settled == ZERO
            told = f"{mine.number}: paid {mine.settled} here, {other.settled} there"
            yield Difference(told, "paid elsewhere: at its home, this is the second company" if elsewhere else "")
    for other in there.values():
        yield Difference(f"{other.number} over {other.total} is there and not ours")


def _payments(ours: Side, theirs: Side) -> Iterator[Difference]:
    yield from _duplicates("payment", (one.key for one in ours.payments))
    here = {one.key: one for one in ours.payments}
    for other in theirs.payments:
        mine = here.pop(other.key, None)
        if mine is None:
            yield Difference(f"payment {other.key} over {other.amount} is there and not here")
        elif mine != other:
            yield Difference(f"payment {mine.key}: {_told(mine)} here, {_told(other)} there")
    for mine in here.values():
        yield Difference(f"payment {mine.key} over {mine.amount} is here and not there")


def _duplicates(what: str, labels: Iterable[str]) -> Iterator[Difference]:
    for label, count in Counter(labels).items():
        if count > 1:
            yield Difference(f"{what} {label} is listed {count} times")


def _told(payment: Payment) -> str:
    against = ", ".join(f"{amount} on {document}" for document, amount in payment.allocations)
    return f"{payment.amount} ({against or 'no document'}; {payment.unapplied} unapplied)"


def show(terminal: Terminal, finding: Finding, currency: str) -> None:
    """A table of both sides' counts and sums, then every difference with its cause."""
    terminal.note(f"{'':24}{'here':>16}{'there':>16}")
    for label, count in _TOTALS.items():
        terminal.note(f"{label.format(currency=currency):24}{count(finding.ours):>16,}{count(finding.theirs):>16,}")
    for one in finding.differences:
        if one.cause:
            terminal.note(f"allowed: {one.what} [{one.cause}]")
        else:
            terminal.cross(one.what)
    if finding.ties_out:
        named = [one for one in finding.differences if one.cause]
        terminal.check(True, f"ties out to the cent{f'; differences named and allowed: {len(named)}' if named else ''}")


def _trial_balance(terminal: Terminal, ledger: Json) -> None:
    debit, credit = (sum((Decimal(row[side]) for row in ledger["trial_balance"]), ZERO) for side in ("debit", "credit"))
    terminal.check(debit == credit, f"the trial balance there: {debit:,} on either side", (debit, credit))


_TOTALS: Mapping[str, Callable[[Side], Decimal | int]] = {
    "customers": lambda side: len(side.customers),
    "invoices": lambda side: len(side.documents),
    "invoiced {currency}": lambda side: sum((one.total for one in side.documents), ZERO),
    "of it tax": lambda side: sum((one.tax for one in side.documents), ZERO),
    "paid on invoices": lambda side: sum((one.settled for one in side.documents), ZERO),
    "open": lambda side: sum((one.total - one.settled for one in side.documents), ZERO),
    "payments": lambda side: len(side.payments),
    "received": lambda side: sum((one.amount for one in side.payments), ZERO),
    "unapplied": lambda side: sum((one.unapplied for one in side.payments), ZERO),
}


def _allowed(firm: Firm, link: Link) -> Allowed:
    numbers = {
        reference: firm.books.invoice(reference)["number"] for reference in (*firm.books.refusals, *firm.books.both)
    }
    refused = frozenset(numbers[one] for one in firm.books.refusals) if link.provider == "quickbooks" else frozenset()
    second = frozenset(numbers[one] for one in firm.books.both) if link.provider == "xero" else frozenset()
    return Allowed(refused, second)
