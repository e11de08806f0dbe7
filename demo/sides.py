"""Both sides of the comparison, read anew: ours through the REST API's lists, theirs from the vendor's ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from demo.books import Json
from demo.cast import A, Firm, Link

_ENDED = frozenset({"void", "voided", "deleted"})


@dataclass(frozen=True, slots=True)
class Document:
    """One invoice as one side has it; `settled` is what was set against it. `key` is the provider's id, "" if none."""

    key: str
    number: str
    total: Decimal
    tax: Decimal
    settled: Decimal
    home: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money received: set against documents (provider's document id, amount) or not (`unapplied`)."""

    key: str
    amount: Decimal
    unapplied: Decimal
    allocations: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One side's customers (provider's id, name), documents and payments."""

    customers: tuple[tuple[str, str], ...]
    documents: tuple[Document, ...]
    payments: tuple[Payment, ...]


def our_side(firm: Firm, link: Link) -> Side:
    """What the service says should be in a company: records with their home there, and those pushed there besides."""
    listed = {
        name: firm.api.every(f"{A}/{name}", **query)
        for name, query in {
            "clients": {},
            "invoices": {},
            "customer-mappings": {"connection_id": link.connection_id},
            "invoice-mappings": {"connection_id": link.connection_id},
            "payments": {"connection_id": link.connection_id, "active": True},
        }.items()
    }
    default = link.connection_id if len(firm.links) == 1 else None
    return read_ours(listed, link.connection_id, default)


def read_ours(listed: Mapping[str, list[Json]], connection_id: int, default_home: int | None) -> Side:
    """Our side from the answers of the REST API's lists; `default_home` is where clients without a home belong."""
    homes = {one["id"]: one["connection_id"] or default_home for one in listed["clients"]}
    customers = {one["client"]: one for one in listed["customer-mappings"]}
    mapped = {one["invoice"]: one for one in listed["invoice-mappings"]}
    expected = [one["id"] for one in listed["clients"] if homes[one["id"]] == connection_id or one["id"] in customers]
    names = {one["id"]: one["name"] for one in listed["clients"]}
    documents = [
        _document(one, mapped.get(one["id"]), home=homes[one["client_id"]] == connection_id)
        for one in listed["invoices"]
        if one["status"] not in ("draft", "void") and (one["id"] in mapped or homes[one["client_id"]] == connection_id)
    ]
    return Side(
        customers=tuple(((customers.get(key) or {}).get("external_id") or "", names[key]) for key in expected),
        documents=tuple(documents),
        payments=tuple(
            _payment(one, one["external_id"], "invoice_external_id") for one in listed["payments"] if one["active"]
        ),
    )


def their_side(ledger: Json, seed: frozenset[str]) -> Side:
    """The provider's side from its ledger, without what was there before us and what was voided."""
    rows = {
        kind: [one for one in ledger[kind] if one["id"] not in seed and str(one.get("status")).lower() not in _ENDED]
        for kind in ("customers", "invoices", "payments")
    }
    documents = (
        Document(
            key=one["id"],
            number=one["number"],
            total=Decimal(one["total"]),
            tax=Decimal(one["tax"]),
            settled=Decimal(one["total"]) - Decimal(one["balance"]),
        )
        for one in rows["invoices"]
    )
    return Side(
        customers=tuple((one["id"], one["name"]) for one in rows["customers"]),
        documents=tuple(documents),
        payments=tuple(_payment(one, one["id"], "invoice_id") for one in rows["payments"]),
    )


def _document(invoice: Json, mapping: Json | None, *, home: bool) -> Document:
    known = mapping or {"external_id": None, "sync_error": "never pushed"}
    return Document(
        key=known["external_id"] or "",
        number=invoice["number"],
        total=Decimal(invoice["total"]),
        tax=Decimal(invoice["tax_total"]),
        settled=Decimal(invoice["amount_paid"]),
        home=home,
        reason=known["sync_error"],
    )


def _payment(row: Json, key: str, document: str) -> Payment:
    allocations = sorted((one[document], Decimal(one["amount"])) for one in row["allocations"])
    return Payment(key, Decimal(row["amount"]), Decimal(row["unapplied"]), tuple(allocations))
