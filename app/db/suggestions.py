"""Customers of a provider that are linked to no client of ours, each with the client it may well be."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text

from app.db.base import Json
from app.db.reading import Reads
from app.db.session import Session, dump_json

# The best guess first: the same e-mail address, then the same name, then the same company. Names are compared without
# case, as both vendors keep them unique that way. Only clients that this company does not hold yet come into question.
_UNLINKED = """
    SELECT r.id, r.connection_id, r.external_id, r.version, r.record, r.dismissed, r.updated_at,
           guess.id AS client_id, guess.name AS client_name, guess.reason
    FROM remote_records r
    LEFT JOIN LATERAL (
        SELECT c.id, c.name, CASE WHEN lower(c.email) = lower(r.record -> 'customer' ->> 'email') AND c.email <> ''
                   THEN 'same_email' WHEN lower(c.name) = lower(r.record ->> 'name') THEN 'same_name'
                   ELSE 'same_company' END AS reason
        FROM clients c
        WHERE c.firm_id = r.firm_id AND (
            (c.email <> '' AND lower(c.email) = lower(r.record -> 'customer' ->> 'email'))
            OR lower(c.name) = lower(r.record ->> 'name')
            OR (c.company_name <> '' AND lower(c.company_name) = lower(r.record -> 'customer' ->> 'company_name')))
          AND NOT EXISTS (SELECT 1 FROM customer_sync_mappings held WHERE held.firm_id = c.firm_id
              AND held.connection_id = r.connection_id AND held.client_id = c.id AND held.external_id IS NOT NULL)
        ORDER BY CASE WHEN lower(c.email) = lower(r.record -> 'customer' ->> 'email') AND c.email <> '' THEN 0
                      WHEN lower(c.name) = lower(r.record ->> 'name') THEN 1 ELSE 2 END, c.id
        LIMIT 1
    ) guess ON true
    WHERE r.firm_id = :firm AND r.kind = 'customer' AND NOT r.gone
      AND coalesce((r.record ->> 'active')::boolean, true)
      AND NOT EXISTS (SELECT 1 FROM customer_sync_mappings m WHERE m.firm_id = r.firm_id
          AND m.connection_id = r.connection_id AND m.external_id = r.external_id)
      AND NOT EXISTS (SELECT 1 FROM customer_sync_mappings m WHERE m.firm_id = r.firm_id
          AND m.connection_id = r.connection_id AND m.state IN ('in_flight', 'unknown')
          AND r.record -> 'customer' ->> 'reference' = 'c-' || m.client_id)"""
_PAGE = text(
    f"""{_UNLINKED}
      AND r.dismissed = :dismissed
      AND (CAST(:connection AS bigint) IS NULL OR r.connection_id = :connection)
      AND (CAST(:after AS bigint) IS NULL OR r.id > :after)
    ORDER BY r.id LIMIT :limit"""
)
_ONE = text(f"{_UNLINKED} AND r.id = :id FOR UPDATE OF r")
_DISMISS = text("UPDATE remote_records SET dismissed = true, updated_at = now() WHERE firm_id = :firm AND id = :id")
# A client that was never there, or not yet, is linked; one that is held or under way is not.
_LINK = text(
    """
    INSERT INTO customer_sync_mappings AS m (firm_id, connection_id, client_id, external_id, external_name, version,
        state, wanted, base, base_revision, synced_at)
    VALUES (:firm, :connection, :client, :external_id, :name, :version, 'synced', 'update', CAST(:base AS jsonb),
        :base_revision, now())
    ON CONFLICT (connection_id, client_id) DO UPDATE SET external_id = EXCLUDED.external_id,
        external_name = EXCLUDED.external_name, version = EXCLUDED.version, state = 'synced', wanted = 'update',
        base = EXCLUDED.base, base_revision = EXCLUDED.base_revision, synced_at = now(), updated_at = now(),
        sync_error = '', fault = '{}'::jsonb, failures = 0
    WHERE m.external_id IS NULL AND m.state NOT IN ('in_flight', 'unknown')
    RETURNING m.id
    """
)


async def page(
    session: Reads, firm_id: int, *, connection_id: int | None, dismissed: bool, after: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Unlinked customers in order of id, with the best guess at who they are."""
    given = {"firm": firm_id, "connection": connection_id, "dismissed": dismissed, "after": after, "limit": limit}
    return (await session.execute(_PAGE, given)).all()


async def get(session: Session, firm_id: int, record_id: int) -> Row[Any] | None:
    """One unlinked customer, locked until the transaction ends; None when there is none (any more)."""
    return (await session.execute(_ONE, {"firm": firm_id, "id": record_id})).one_or_none()


async def dismiss(session: Session, firm_id: int, record_id: int) -> None:
    """Suggest this customer no more."""
    await session.execute(_DISMISS, {"firm": firm_id, "id": record_id})


async def link(  # noqa: PLR0913  (the columns of the mapping)
    session: Session,
    firm_id: int,
    connection_id: int,
    client_id: int,
    *,
    external_id: str,
    name: str,
    version: str,
    base: Json,
    base_revision: int,
) -> bool:
    """Link a client to a customer of the company; False when it is linked, or on its way, already."""
    given = {
        "firm": firm_id,
        "connection": connection_id,
        "client": client_id,
        "external_id": external_id,
        "name": name,
        "version": version,
        "base": dump_json(base),
        "base_revision": base_revision,
    }
    return (await session.execute(_LINK, given)).one_or_none() is not None
