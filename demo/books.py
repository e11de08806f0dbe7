"""The two firms' books and plans, as `books.json` holds them. Amounts stay text until they are compared."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Json = dict[str, Any]
BOOKS = Path(__file__).with_name("books.json")


@dataclass(frozen=True, slots=True)
class Plan:
    """Invoices, by number, that customers of one company pay: in full, in part (number, amount), and so on."""

    in_full: tuple[str, ...]
    in_part: tuple[tuple[str, str], ...]
    twice: tuple[str, ...]
    voided: tuple[str, ...]
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirmBooks:
    """One firm: what is loaded over the REST API, and what the story does with it.

    `mappings`: provider → accounts, items and taxes → our code → theirs; `homes`: client reference → provider;
    `both` and `refusals` name invoices by reference.
    """

    key: str
    name: str
    time_zone: str
    clients: tuple[Json, ...]
    invoices: tuple[Json, ...]
    homes: Mapping[str, str]
    mappings: Mapping[str, Mapping[str, Mapping[str, str]]]
    both: tuple[str, ...]
    refusals: tuple[str, ...]
    payments: Mapping[str, Plan]

    def invoice(self, reference: str) -> Json:
        """The invoice with this reference."""
        return next(invoice for invoice in self.invoices if invoice["external_ref"] == reference)

    def total(self, number: str) -> Decimal:
        """What the invoice with this number comes to."""
        return Decimal(next(invoice["total"] for invoice in self.invoices if invoice["number"] == number))


def load_books(path: Path = BOOKS) -> tuple[FirmBooks, ...]:
    """All firms of the file."""
    content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return tuple(_firm(firm) for firm in content["firms"])


def _firm(firm: Json) -> FirmBooks:
    providers = sorted(firm["mappings"])
    only = providers[0] if len(providers) == 1 else ""
    return FirmBooks(
        key=firm["key"],
        name=firm["name"],
        time_zone=firm["timezone"],
        clients=tuple({name: value for name, value in one.items() if name != "home"} for one in firm["clients"]),
        invoices=tuple(firm["invoices"]),
        homes={one["external_ref"]: one.get("home", only) for one in firm["clients"]},
        mappings=firm["mappings"],
        both=tuple(firm["push_to_both"]),
        refusals=tuple(firm["expected_refusals"]),
        payments={provider: _plan(plan) for provider, plan in firm["payments"].items()},
    )


def _plan(plan: Json) -> Plan:
    return Plan(
        in_full=tuple(plan["pay_in_full"]),
        in_part=tuple((number, amount) for number, amount in plan["pay_in_part"]),
        twice=tuple(plan["pay_twice"]),
        voided=tuple(plan["void_after_pay"]),
        missed=tuple(plan["missed_by_webhooks"]),
    )
