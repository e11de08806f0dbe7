"""Saying what our codes are called at a provider, and letting go what waited for that."""

from collections.abc import Sequence

from app.canonical import ProviderName
from app.db import code_mappings, connections
from app.db.code_mappings import CodeKind, CodeRow
from app.db.cures import Cure, cured
from app.db.session import Session
from app.errors import Invalid


async def map_codes(
    session: Session,
    firm_id: int,
    kind: CodeKind,
    provider: ProviderName,
    connection_id: int | None,
    targets: Sequence[tuple[str, str, str]],
) -> tuple[Sequence[CodeRow], set[int]]:
    """Set (ours, theirs, their name) for each; returns the mappings and the connections to wake after the commit.

    `targets` names each of our codes once. Raises NotFound, and Invalid for a connection to another provider.
    """
    if connection_id is not None:
        connection = await connections.get(session, firm_id, connection_id)
        if connection.provider != provider:
            raise Invalid(f"The connection {connection_id} is one to {connection.provider}.", code="provider_differs")
    rows = await code_mappings.put(
        session, firm_id, kind, provider=provider, connection_id=connection_id, targets=targets
    )
    return rows, await cured(session, firm_id, [Cure(f"{kind}_mapped")], provider=provider)
