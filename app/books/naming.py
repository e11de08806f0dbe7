"""Whom a document names, and whether its number is free: what invoices and journal entries have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.books.checks import Finding
from app.db import clients
from app.db.session import Session

Stranger = tuple[int, str, str]
"""A place in the list, the field below the item, and what is wrong with it."""


class Numbered(Protocol):
    """An input with a number of its own."""

    @property
    def number(self) -> str:
        """The number."""

    @property
    def external_ref(self) -> str | None:
        """The caller's id."""


async def owners(
    session: Session, firm_id: int, named: Sequence[tuple[int | None, str | None]]
) -> tuple[list[int | None], list[Stranger]]:
    """The client that each pair of id and external_ref names; None where neither is given or none is known."""
    ids = {client_id for client_id, _ in named if client_id is not None}
    refs = {ref for _, ref in named if ref is not None}
    rows = await clients.resolve(session, firm_id, ids, refs) if ids or refs else []
    known = {row.id for row in rows}
    by_ref = {row.external_ref: row.id for row in rows}
    found: list[int | None] = []
    strangers: list[Stranger] = []
    for at, (client_id, ref) in enumerate(named):
        by_id = client_id if client_id in known else None
        owner = by_id if client_id is not None else by_ref.get(ref)
        if owner is None and (client_id is not None or ref is not None):
            said: object = ref if client_id is None else client_id
            strangers.append(
                (at, "/client_ref" if client_id is None else "/client_id", f"There is no client {said!r} here.")
            )
        elif owner is not None and ref is not None and by_ref.get(ref) != owner:
            strangers.append((at, "/client_ref", f"client_id {owner} and client_ref {ref!r} are not the same client."))
        found.append(owner)
    return found, strangers


def taken_numbers(
    items: Sequence[Numbered], known: Sequence[Any], holders: Mapping[str, int], noun: str
) -> list[Finding]:
    """Numbers that another record has now, even if this very request renumbers it: send that first."""
    findings = []
    for index, (item, row) in enumerate(zip(items, known, strict=True)):
        holder = holders.get(item.number)
        if holder is not None and (row is None or row.id != holder):
            message = f"The number {item.number!r} belongs to the {noun} with the id {holder}."
            findings.append(Finding(index, "/number", "number_taken", message, item.external_ref))
    return findings
