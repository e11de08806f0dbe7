"""Xero keeps what was paid beyond an invoice as a record of its own: it is money here too, and counted once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.db.tables import Payment, PaymentAllocation
from simulators.xero.books import Books
from simulators.xero.element import Element
from simulators.xero.money_in import allocate, unallocate
from tests.support.api import BOOKS, open_api
from tests.support.world import World
from tests.sync.test_inbox import deliver, listening, paid, pull, pushed, remote_id

TOTAL = Decimal("231.50")


def person(world: World, connection: int, act: Callable[[Books], Any]) -> Any:
    """Somebody does something in Xero's own pages, and Xero tells of it."""
    office = world.sims.xero.world
    books = office.books[world.companies[connection][1]]
    done = act(books)
    office.publish(books)
    return done


def use(world: World, connection: int, overpayment: str, invoice: str, amount: Decimal) -> Any:
    body = {"Amount": amount, "Invoice": {"InvoiceID": invoice}}
    return person(world, connection, lambda books: allocate(books, "overpayment", overpayment, Element(body)))


async def overpay(world: World, connection: int, invoice: str, amount: Decimal) -> str:
    """Pay an invoice in full and so much more; returns the id of the overpayment."""
    done = await world.act(connection, "pay", invoice_id=invoice, amount=str(TOTAL + amount), overpay=True)
    return str(done["overpayment_id"])


async def known(world: World, firm: int) -> list[tuple[str, Decimal, Decimal, bool]]:
    """Overpayments as we have them: id, amount, rest, and whether they count."""
    query = select(Payment).where(Payment.source_kind == "overpayment").order_by(Payment.id)
    async with world.runtime.db.firm(firm) as session:
        return [(row.external_id, row.amount, row.unapplied, row.active) for row in await session.execute(query)]


async def allocated(world: World, firm: int) -> Decimal:
    async with world.runtime.db.firm(firm) as session:
        return sum((row.amount for row in await session.execute(select(PaymentAllocation))), Decimal(0))


async def test_an_overpayment_is_unapplied_until_it_pays_another_invoice(world: World) -> None:
    firm, connection, (first, second) = await pushed(world, "xero", 2)
    other = await remote_id(world, firm, connection, second)
    over = await overpay(world, connection, await remote_id(world, firm, connection, first), TOTAL + 10)
    assert (await pull(world, firm, connection)).counts["payments"] == 2
    assert await known(world, firm) == [(over, TOTAL + 10, TOTAL + 10, True)]
    assert (await pull(world, firm, connection)).counts["payments"] == 0
    assert await paid(world, firm, first) == ("paid", "231.50")
    assert await paid(world, firm, second) == ("approved", "0.00")
    use(world, connection, over, other, TOTAL)
    assert (await pull(world, firm, connection)).counts["payments"] == 1
    assert await known(world, firm) == [(over, TOTAL + 10, Decimal(10), True)]
    assert await paid(world, firm, second) == ("paid", "231.50")
    assert (await pull(world, firm, connection)).counts["payments"] == 0
    assert await allocated(world, firm) == 2 * TOTAL


async def test_an_overpayment_known_from_its_invoices_first_is_the_same_one(world: World) -> None:
    firm, connection, invoices = await pushed(world, "xero", 3)
    first, second, third = [await remote_id(world, firm, connection, invoice) for invoice in invoices]
    over = await overpay(world, connection, first, Decimal(300))
    await listening(world, "xero")
    use(world, connection, over, second, Decimal(200))
    use(world, connection, over, third, Decimal(50))
    await deliver(world, "xero", connection)
    # The webhooks tell of the invoices alone, which know what they have of it.
    assert await known(world, firm) == [(over, Decimal(250), Decimal(0), True)]
    assert await paid(world, firm, invoices[1]) == ("partially_paid", "200.00")
    await pull(world, firm, connection)
    assert await known(world, firm) == [(over, Decimal(300), Decimal(50), True)]
    assert await paid(world, firm, invoices[1]) == ("partially_paid", "200.00")
    assert await paid(world, firm, invoices[2]) == ("partially_paid", "50.00")
    assert await allocated(world, firm) == TOTAL + 250


async def test_the_rest_follows_the_invoices_webhooks_between_two_pulls(world: World) -> None:
    firm, connection, (first, second) = await pushed(world, "xero", 2)
    over = await overpay(world, connection, await remote_id(world, firm, connection, first), Decimal(100))
    await pull(world, firm, connection)
    await listening(world, "xero")
    allocation = use(world, connection, over, await remote_id(world, firm, connection, second), Decimal(100))
    await deliver(world, "xero", connection)
    assert await known(world, firm) == [(over, Decimal(100), Decimal(0), True)]
    assert await paid(world, firm, second) == ("partially_paid", "100.00")
    person(world, connection, lambda books: unallocate(books, allocation))
    await deliver(world, "xero", connection)
    assert await known(world, firm) == [(over, Decimal(100), Decimal(100), True)]
    assert await paid(world, firm, second) == ("approved", "0.00")
    assert (await pull(world, firm, connection)).counts["payments"] == 0


async def test_a_list_of_payments_says_which_are_overpayments(world: World) -> None:
    firm, connection, (invoice,) = await pushed(world, "xero")
    over = await overpay(world, connection, await remote_id(world, firm, connection, invoice), Decimal("5.25"))
    await pull(world, firm, connection)
    async with open_api(world) as api:
        answer = await (await api.caller(firm, "viewer")).get(f"{BOOKS}/payments")
    shown = [(one["source_kind"], one["amount"], one["unapplied"]) for one in answer.json()["items"]]
    assert sorted(shown) == [("overpayment", "5.25", "5.25"), ("payment", "231.50", "0.00")]
    assert over in [one["external_id"] for one in answer.json()["items"]]
