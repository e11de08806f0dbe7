"""Answers under callers' idempotency keys: claimed before the request runs, kept for a day."""

from typing import Any

from sqlalchemy import Row, delete, func, select, text, update

from app.db.session import Session
from app.db.tables import IdempotencyKey

KEPT_HOURS = 24
# Longer than any request of ours can take: what is locked longer has lost its process.
LOCK_SECONDS = 90
_CLAIM = text(
    """
    INSERT INTO idempotency_keys (firm_id, subject, key, fingerprint, locked_until)
    VALUES (:firm, :subject, :key, :fingerprint, now() + make_interval(secs => :seconds))
    ON CONFLICT (firm_id, subject, key) DO NOTHING RETURNING id
    """
)


async def claim(session: Session, firm_id: int, subject: str, key: str, fingerprint: str) -> int | None:
    """Reserve a key for the request that comes first; None when it is taken."""
    given = {"firm": firm_id, "subject": subject, "key": key, "fingerprint": fingerprint, "seconds": LOCK_SECONDS}
    found: int | None = (await session.execute(_CLAIM, given)).scalar_one_or_none()
    return found


async def known(session: Session, firm_id: int, subject: str, key: str) -> Row[Any] | None:
    """What stands under a key, with `running`: its request may still be under way."""
    query = select(IdempotencyKey, (IdempotencyKey.locked_until > func.now()).label("running")).where(
        IdempotencyKey.firm_id == firm_id, IdempotencyKey.subject == subject, IdempotencyKey.key == key
    )
    row: Any = (await session.execute(query)).one_or_none()
    found: Row[Any] | None = row
    return found


async def keep(session: Session, firm_id: int, claimed: int, status: int, sealed_answer: str) -> None:
    """Store the answer of a request that ran."""
    await session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.firm_id == firm_id, IdempotencyKey.id == claimed)
        .values(status=status, sealed_answer=sealed_answer, updated_at=func.now())
    )


async def release(session: Session, firm_id: int, claimed: int) -> None:
    """Give a key back: its request certainly did nothing."""
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.firm_id == firm_id, IdempotencyKey.id == claimed))


async def forget(session: Session) -> int:
    """Delete what is older than a day; how many. Under the system's role."""
    gone = await session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.created_at < text(f"now() - interval '{KEPT_HOURS} hours'"))
        .returning(IdempotencyKey.id)
    )
    return len(gone.all())
