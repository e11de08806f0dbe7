"""What was paid: payments and allocations as providers tell them, and the invoice status that follows."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, select, text, update

from app.canonical import RemotePayment, Settlement
from app.db.kinds import CLIENTS_HOME
from app.db.session import Session
from app.db.sync_tables import InvoiceSyncMapping
from app.db.tables import Invoice, Payment, PaymentAllocation

_UPSERT_PAYMENT = text(
    """
    INSERT INTO payments AS p (firm_id, connection_id, source_kind, external_id, version, customer_external_id,
        client_id, paid_on, currency, amount, unapplied, active, reference)
    VALUES (:firm, :connection, :source_kind, :external_id, :version, :customer,
        (SELECT client_id FROM customer_sync_mappings WHERE connection_id = :connection AND external_id = :customer),
        :paid_on, :currency, :amount, :unapplied, :active, :reference)
    ON CONFLICT (connection_id, source_kind, external_id) DO UPDATE SET
        version = EXCLUDED.version, customer_external_id = EXCLUDED.customer_external_id,
        client_id = coalesce(EXCLUDED.client_id, p.client_id), paid_on = EXCLUDED.paid_on,
        currency = EXCLUDED.currency, amount = EXCLUDED.amount, unapplied = EXCLUDED.unapplied,
        active = EXCLUDED.active, reference = EXCLUDED.reference,
        updated_at = CASE WHEN (p.paid_on, p.amount, p.unapplied, p.active) IS DISTINCT FROM
            (EXCLUDED.paid_on, EXCLUDED.amount, EXCLUDED.unapplied, EXCLUDED.active)
            OR (p.version <> '' AND p.reference <> EXCLUDED.reference) -- without: known from its invoice alone
            THEN now() ELSE p.updated_at END
    RETURNING p.id, (xmax = 0 OR updated_at = now()) AS changed
    """
)
# A credit or payment that we know only from the invoice it was set against.
_ENSURE_SOURCE = text(
    """
    INSERT INTO payments AS p (firm_id, connection_id, source_kind, external_id, paid_on, currency, amount)
    VALUES (:firm, :connection, :source_kind, :external_id, :paid_on, :currency, :amount)
    ON CONFLICT (connection_id, source_kind, external_id) DO UPDATE SET active = true
    RETURNING p.id
    """
)
# Between two readings of a credit itself, its invoices tell how much of it is used. One that is known from them alone
# (without a version) is as large as what they have of it. What was paid back to the customer is in neither.
_USE = text(
    """
    UPDATE payments p SET amount = CASE WHEN p.version = '' THEN a.used ELSE p.amount END,
        unapplied = least(p.unapplied, greatest(p.amount - a.used, 0)), updated_at = now()
    FROM (SELECT payment_id, sum(amount) AS used FROM payment_allocations
          WHERE firm_id = :firm AND payment_id = ANY(:ids) GROUP BY payment_id) a
    WHERE p.firm_id = :firm AND p.id = a.payment_id AND p.source_kind <> 'payment'
      AND (p.version = '' AND p.amount <> a.used OR p.unapplied > greatest(p.amount - a.used, 0))
    """
)
_GIVE_BACK = text(
    """
    UPDATE payments p SET unapplied = p.unapplied + a.amount, updated_at = now() FROM payment_allocations a
    WHERE p.firm_id = :firm AND p.id = a.payment_id AND p.source_kind <> 'payment' AND p.version <> ''
      AND a.firm_id = :firm AND a.invoice_external_id = :invoice AND a.payment_id = ANY(:ids)
    """
)
# What is set against nothing any more and has no rest is no money received: the provider undid it.
_RETIRE = text(
    """
    UPDATE payments p SET active = false, updated_at = now()
    WHERE p.firm_id = :firm AND p.id = ANY(:ids) AND p.active AND p.unapplied = 0
      AND NOT EXISTS (SELECT 1 FROM payment_allocations a WHERE a.payment_id = p.id)
    """
)
_UPSERT_ALLOCATION = text(
    """
    INSERT INTO payment_allocations AS a (firm_id, payment_id, connection_id, invoice_external_id, invoice_id, amount,
        applied_on)
    VALUES (:firm, :payment, :connection, :invoice,
        (SELECT invoice_id FROM invoice_sync_mappings WHERE connection_id = :connection AND external_id = :invoice),
        :amount, :applied_on)
    ON CONFLICT (payment_id, invoice_external_id) DO UPDATE SET amount = EXCLUDED.amount,
        applied_on = EXCLUDED.applied_on, invoice_id = coalesce(EXCLUDED.invoice_id, a.invoice_id), updated_at = now()
    WHERE (a.amount, a.applied_on, a.invoice_id) IS DISTINCT FROM
        (EXCLUDED.amount, EXCLUDED.applied_on, coalesce(EXCLUDED.invoice_id, a.invoice_id))
    RETURNING a.invoice_id
    """
)
# Only what was paid at the client's home decides; paid_date is the day the running sum reached the total.
_RECOMPUTE = text(
    f"""
    WITH home AS (
        SELECT i.id, i.total, {CLIENTS_HOME} AS connection_id FROM invoices i
        JOIN clients c ON c.firm_id = i.firm_id AND c.id = i.client_id JOIN firms f ON f.id = i.firm_id
        WHERE i.firm_id = :firm AND i.id = ANY(:ids)
    ), running AS (
        SELECT h.id, h.total, a.applied_on,
               sum(a.amount) OVER (PARTITION BY h.id ORDER BY a.applied_on, a.id) AS so_far
        FROM home h JOIN payment_allocations a ON a.connection_id = h.connection_id AND a.invoice_id = h.id
        JOIN payments p ON p.id = a.payment_id AND p.active
    ), paid AS (
        SELECT id, max(so_far) AS amount, min(applied_on) FILTER (WHERE so_far >= total) AS on_date
        FROM running GROUP BY id
    ), verdict AS (
        SELECT h.id, least(h.total, coalesce(p.amount, 0)) AS amount_paid,
               CASE WHEN h.total > 0 AND p.amount >= h.total THEN p.on_date END AS paid_date,
               CASE WHEN h.total > 0 AND p.amount >= h.total THEN 'paid' WHEN p.amount > 0 THEN 'partially_paid'
                    ELSE 'approved' END AS status
        FROM home h LEFT JOIN paid p ON p.id = h.id
    )
    UPDATE invoices i SET amount_paid = v.amount_paid, paid_date = v.paid_date, status = v.status, updated_at = now()
    FROM verdict v
    WHERE i.firm_id = :firm AND i.id = v.id AND i.status IN ('approved', 'partially_paid', 'paid')
      AND (i.amount_paid, i.paid_date, i.status) IS DISTINCT FROM (v.amount_paid, v.paid_date, v.status)
    """  # noqa: S608  (HOME is a constant of ours)
)


async def apply_payment(session: Session, firm_id: int, connection_id: int, payment: RemotePayment) -> bool:
    """Make a payment and its allocations as the provider says. True when anything changed here."""
    given = {
        "firm": firm_id,
        "connection": connection_id,
        "source_kind": payment.source_kind,
        "external_id": payment.external_id,
        "version": payment.version,
        "customer": payment.customer_id,
        "paid_on": payment.on,
        "currency": payment.currency,
        "amount": payment.amount,
        "unapplied": payment.unapplied,
        "active": payment.active,
        "reference": payment.reference,
    }
    row = (await session.execute(_UPSERT_PAYMENT, given)).one()
    kept = [settlement.invoice_id for settlement in payment.settlements]
    gone = await _drop(session, PaymentAllocation.payment_id == row.id, PaymentAllocation.invoice_external_id, kept)
    touched = set(gone)
    changed = bool(gone) or row.changed
    for settlement in payment.settlements:
        stored = await _allocate(session, firm_id, connection_id, row.id, settlement)
        changed = changed or stored is not None
        touched |= stored or set()
    if changed:
        touched |= await _allocated_to(session, row.id)
    await recompute(session, firm_id, touched)
    return changed


async def remove_payment(session: Session, firm_id: int, connection_id: int, external_id: str) -> bool:
    """A payment that the provider has deleted: kept here as inactive, its allocations undone."""
    query = (
        update(Payment)
        .where(
            Payment.firm_id == firm_id,
            Payment.connection_id == connection_id,
            Payment.source_kind.in_(("payment", "overpayment")),  # what a provider has as payments of its own
            Payment.external_id == external_id,
            Payment.active,
        )
        .values(active=False, unapplied=0, updated_at=func.now())
        .returning(Payment.id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return False
    touched = await _drop(session, PaymentAllocation.payment_id == row.id, PaymentAllocation.invoice_external_id, [])
    await recompute(session, firm_id, touched)
    return True


async def apply_settlements(
    session: Session,
    firm_id: int,
    connection_id: int,
    invoice_external_id: str,
    settlements: Sequence[Settlement],
    currency: str,
) -> bool:
    """Make what was set against one invoice exactly this list. True when anything changed here."""
    sources: list[int] = []
    touched: set[int] = set()
    changed = False
    for settlement in settlements:
        given = {
            "firm": firm_id,
            "connection": connection_id,
            "source_kind": settlement.source_kind,
            "external_id": settlement.source_id,
            "paid_on": settlement.on,
            "currency": currency,
            "amount": settlement.amount,
        }
        payment_id = (await session.execute(_ENSURE_SOURCE, given)).scalar_one()
        sources.append(payment_id)
        stored = await _allocate(session, firm_id, connection_id, payment_id, settlement)
        changed = changed or stored is not None
        touched |= stored or set()
    of_invoice = (PaymentAllocation.connection_id == connection_id) & (
        PaymentAllocation.invoice_external_id == invoice_external_id
    )
    dropped = (of_invoice, PaymentAllocation.payment_id.not_in(sources))
    held = await session.execute(select(PaymentAllocation.payment_id).where(*dropped))
    undone = [row.payment_id for row in held]
    if undone:
        await session.execute(_GIVE_BACK, {"firm": firm_id, "invoice": invoice_external_id, "ids": undone})
    gone = await _drop(session, of_invoice, PaymentAllocation.payment_id, sources)
    if sources or undone:
        await session.execute(_USE, {"firm": firm_id, "ids": [*sources, *undone]})
    if undone:
        await session.execute(_RETIRE, {"firm": firm_id, "ids": undone})
    await recompute(session, firm_id, touched | set(gone))
    return changed or bool(gone)


async def adopt_allocations(
    session: Session, firm_id: int, connection_id: int, invoice_external_id: str, invoice_id: int
) -> None:
    """Allocations that arrived before their invoice was linked now count for it."""
    query = (
        update(PaymentAllocation)
        .where(
            PaymentAllocation.firm_id == firm_id,
            PaymentAllocation.connection_id == connection_id,
            PaymentAllocation.invoice_external_id == invoice_external_id,
            PaymentAllocation.invoice_id.is_(None),
        )
        .values(invoice_id=invoice_id)
        .returning(PaymentAllocation.id)
    )
    if (await session.execute(query)).all():
        await recompute(session, firm_id, [invoice_id])


async def recompute(session: Session, firm_id: int, invoice_ids: Collection[int]) -> None:
    """Bring amount paid, paid date and status of these invoices up to what their home says."""
    if invoice_ids:
        await session.execute(_RECOMPUTE, {"firm": firm_id, "ids": list(invoice_ids)})


async def earliest_invoice_date(session: Session, firm_id: int, connection_id: int) -> Any:
    """The issue date of the oldest invoice linked to this company, or None."""
    query = (
        select(func.min(Invoice.issue_date))
        .join(InvoiceSyncMapping, InvoiceSyncMapping.invoice_id == Invoice.id)
        .where(Invoice.firm_id == firm_id, InvoiceSyncMapping.connection_id == connection_id)
    )
    return (await session.execute(query)).scalar_one()


async def _allocate(
    session: Session, firm_id: int, connection_id: int, payment_id: int, settlement: Settlement
) -> set[int] | None:
    """The invoices touched by storing one allocation, or None when it was stored already."""
    given = {
        "firm": firm_id,
        "payment": payment_id,
        "connection": connection_id,
        "invoice": settlement.invoice_id,
        "amount": settlement.amount,
        "applied_on": settlement.on,
    }
    row = (await session.execute(_UPSERT_ALLOCATION, given)).one_or_none()
    if row is None:
        return None
    return set() if row.invoice_id is None else {row.invoice_id}


async def _drop(session: Session, where: Any, column: Any, kept: Sequence[Any]) -> list[int]:
    query = delete(PaymentAllocation).where(where, column.not_in(kept)).returning(PaymentAllocation.invoice_id)
    rows = (await session.execute(query)).all()
    return [row.invoice_id for row in rows if row.invoice_id is not None]


async def _allocated_to(session: Session, payment_id: int) -> set[int]:
    query = select(PaymentAllocation.invoice_id).where(
        PaymentAllocation.payment_id == payment_id, PaymentAllocation.invoice_id.is_not(None)
    )
    return {int(row.invoice_id) for row in await session.execute(query)}
