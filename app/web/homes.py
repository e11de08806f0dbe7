"""Records that go nowhere, because several companies are connected and nothing says which is theirs."""

from collections.abc import Sequence
from typing import Any

from app.db import firms, mappings
from app.db.session import Session
from app.web.words import plural, word


async def unplaced(session: Session, firm_id: int, companies: Sequence[Any]) -> str:
    """`2 customers, 3 invoices`; "" where every record has a home. `companies` are the firm's live connections."""
    if len(companies) < 2 or (await firms.get(session, firm_id)).default_connection_id is not None:
        return ""  # one company is the home of everything, and so is a default
    found = await mappings.unplaced(session, firm_id)
    return ", ".join(plural(count, word(kind)) for kind, count in found.items() if count)
