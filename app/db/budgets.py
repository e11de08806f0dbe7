"""The vendor's limit per application, shared by every worker: taken in blocks, so that few calls cost a round trip."""

from sqlalchemy import text

from app.db.session import Session

_RESERVE = text(
    """
    INSERT INTO api_budgets AS b (provider, minute, used) VALUES (:provider, date_trunc('minute', now()), :calls)
    ON CONFLICT (provider, minute) DO UPDATE SET used = b.used + :calls WHERE b.used + :calls <= :most
    RETURNING used
    """
)
_FORGET = text("DELETE FROM api_budgets WHERE minute < now() - interval '1 hour'")
_LEFT = text("SELECT (60 - extract(second FROM now()))::float8")


async def reserve(session: Session, provider: str, calls: int, most: int) -> float:
    """Take `calls` of this minute's `most`; 0, or the seconds until the next minute where they are used up.

    Under the system's role.
    """
    row = (await session.execute(_RESERVE, {"provider": provider, "calls": calls, "most": most})).one_or_none()
    if row is not None:
        if row.used == calls:
            await session.execute(_FORGET)
        return 0.0
    left: float = (await session.execute(_LEFT)).scalar_one()
    return max(1.0, left)
