"""Reconciliation: whether our books and a company's tie out for a period, and if not, why not, document by document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.db import owners, reconciling
from app.db.session import Session

_SAYS: Mapping[str, tuple[str, str, str]] = {
    "unknown_to_us": (
        "It is in the company's books and not in ours.",
        "bookkeeper",
        "Enter it here, or leave it there: it was not written by this service.",
    ),
    "not_pushed": ("It has not been pushed yet.", "nobody", "It goes by itself; or push it now."),
    "failed": ("It could not be pushed.", "bookkeeper", "Mend its cause, then retry it."),
    "excluded": ("It was left out by a rule.", "bookkeeper", "Push it by name if it belongs there."),
    "deleted_there": (
        "It was deleted at the provider.",
        "bookkeeper",
        "Void ours, or retry to push it as a new one.",
    ),
    "voided_there": ("It was voided at the provider.", "bookkeeper", "Void ours, or retry to push it as a new one."),
    "changed_here": ("It was changed here and the change was not pushed.", "bookkeeper", "Push this change."),
    "edited_there": ("Its amount was edited at the provider.", "bookkeeper", "Correct one of the two."),
    "rounding": ("The two differ by rounding.", "bookkeeper", "Compare the taxes of both."),
    "payment_missing": (
        "What was paid is known on one side only.",
        "bookkeeper",
        "Pull payments; if it stays, look at the payment at the provider.",
    ),
    "paid_elsewhere": (
        "Its home is another company: what was paid is decided there.",
        "nobody",
        "Nothing: this is the other company's payment.",
    ),
}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Rows as `db.reconciling` names them; `tied_out`: not one difference. `as_of`: since when this was last read."""

    tied_out: bool
    as_of: datetime | None
    totals: list[dict[str, Any]]
    clients: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    truncated: bool


async def reconcile(
    session: Session, firm_id: int, connection_id: int, start: date, end: date, *, client_id: int | None = None
) -> Reconciliation:
    """Compare the documents dated within the period. Reads what was last seen; asks no provider. Raises NotFound."""
    row = await owners.connection(session, firm_id, connection_id)
    given = reconciling.period(firm_id, connection_id, start, end)
    totals = [one._asdict() for one in await reconciling.totals(session, given)]
    clients = [one._asdict() for one in await reconciling.by_client(session, given)]
    found = await reconciling.differences(session, given, client_id)
    shown = [_explained(one._asdict()) for one in found[: reconciling.MOST_DIFFERENCES]]
    read = [at for at in (row.last_payment_sync_at, row.last_invoice_sync_at) if at is not None]
    return Reconciliation(
        tied_out=not any(one["differences"] for one in totals),
        as_of=min(read, default=None),
        totals=totals,
        clients=clients,
        differences=shown,
        truncated=len(found) > reconciling.MOST_DIFFERENCES,
    )


def _explained(difference: dict[str, Any]) -> dict[str, Any]:
    """With words: those of the fault, where the record has one."""
    message, who, fix = _SAYS[difference["cause"]]
    return {
        **difference,
        "message": difference["message"] or message,
        "who": difference["who"] or who,
        "fix": difference["fix"] or fix,
    }
