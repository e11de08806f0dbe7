"""What the sync engine may expect of any provider, proved against each vendor's simulator."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.canonical import DocumentState, Gone, Kind, Operation
from app.providers.base import Refused, Unknown, Written
from simulators.root import Simulators
from tests.providers.contract import DAY, OPENERS, Side, changing, creating, simulated


@pytest.fixture(params=sorted(OPENERS))
async def side(request):
    sims = Simulators()
    async with simulated(sims) as client:
        opened = await OPENERS[request.param](sims, client)
        await client.post(f"/_sim/{opened.simulator}/limits", json={"enforce": False})
        yield opened
    await sims.aclose()


def ids(records):
    return [record.external_id for record in records]


async def test_the_company_says_who_it_is_and_is_ready(side: Side):
    company = await side.provider.company()
    assert company.external_id == side.company_id
    assert company.currency == side.currency
    assert company.name
    assert {check.level for check in company.checks} <= {"ok", "warning"}


async def test_one_customer_and_one_invoice_are_written_to_the_cent(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = side.invoice("HT-1", customer_id)
    (written,) = await side.write(creating("i1", invoice))
    assert isinstance(written, Written)
    assert (written.item_id, written.label, written.total) == ("i1", "HT-1", invoice.total)
    (read,) = await side.provider.fetch(Kind.invoice, [written.external_id])
    assert (read.number, read.customer_id, read.total, read.balance) == (
        "HT-1",
        customer_id,
        invoice.total,
        invoice.total,
    )
    assert (read.state, read.issue_date, read.tax_total) == (DocumentState.open, DAY, invoice.tax_total)
    (customer,) = await side.provider.fetch(Kind.customer, [customer_id])
    assert (customer.name, customer.active, customer.customer.email) == ("Larkspur Dental", True, "ap@firm.example")


async def test_odd_but_legal_texts_arrive_as_they_are(side: Side):
    name = 'O\'Brien & Søns "Tea" #1 + 50%'
    customer_id = await side.added_customer(name)
    (customer,) = await side.provider.fetch(Kind.customer, [customer_id])
    assert customer.name == name
    match = await side.provider.find(creating("c1", side.customer(name)))
    assert (match.external_id, match.equal) == (customer_id, True)


async def test_batches_are_written_and_answered_in_order(side: Side):
    names = [f"Client {number}" for number in range(7)]
    customers = await side.write(*(creating(f"c{index}", side.customer(name)) for index, name in enumerate(names)))
    assert [outcome.label for outcome in customers] == names
    assert [outcome.item_id for outcome in customers] == [f"c{index}" for index in range(7)]
    invoices = [side.invoice(f"B-{index}", outcome.external_id) for index, outcome in enumerate(customers)]
    written = await side.write(*(creating(f"i{index}", invoice) for index, invoice in enumerate(invoices)))
    assert [(outcome.label, outcome.total) for outcome in written] == [(made.number, made.total) for made in invoices]
    assert (await side.ledger())["totals"]["invoices"] == 7


@pytest.mark.parametrize("count", [1, 3])
async def test_the_identical_call_sent_again_writes_nothing_again(side: Side, count):
    customer_id = await side.added_customer("Larkspur Dental")
    call = await side.prepared(
        *(creating(f"i{index}", side.invoice(f"R-{index}", customer_id)) for index in range(count))
    )
    first = await side.provider.write(call)
    again = await side.provider.write(call)
    assert [outcome.external_id for outcome in first] == [outcome.external_id for outcome in again]
    assert (await side.ledger())["totals"]["invoices"] == count


@pytest.mark.parametrize("count", [1, 3])
async def test_a_lost_answer_is_settled_by_replay(side: Side, count):
    customer_id = await side.added_customer("Larkspur Dental")
    call = await side.prepared(
        *(creating(f"i{index}", side.invoice(f"L-{index}", customer_id)) for index in range(count))
    )
    side.lose_next_answer(call.method, call.path)
    lost = await side.provider.write(call)
    assert [type(outcome) for outcome in lost] == [Unknown] * count
    replayed = await side.provider.write(call)
    assert [type(outcome) for outcome in replayed] == [Written] * count
    assert (await side.ledger())["totals"]["invoices"] == count


async def test_a_lost_answer_is_settled_by_looking(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = side.invoice("F-1", customer_id)
    item = creating("i1", invoice)
    assert await side.provider.find(item) is None
    call = await side.prepared(item)
    side.lose_next_answer(call.method, call.path)
    await side.provider.write(call)
    match = await side.provider.find(item)
    assert match.equal
    assert match.total == invoice.total
    assert match.external_id == (await side.ledger())["invoices"][0]["id"]


async def test_a_customer_is_found_or_certainly_absent(side: Side):
    item = creating("c1", side.customer("Larkspur Dental"))
    assert await side.provider.find(item) is None
    customer_id = await side.added_customer("Larkspur Dental")
    match = await side.provider.find(item)
    assert (match.equal, match.external_id, match.label) == (True, customer_id, "Larkspur Dental")


async def test_what_is_found_but_differs_says_so(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    await side.added_invoice("D-1", customer_id)
    match = await side.provider.find(creating("i1", side.invoice("D-1", customer_id, price="90.00")))
    assert not match.equal
    assert "total" in match.difference


async def test_a_refused_record_does_not_hold_up_its_neighbours(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    good, bad = side.invoice("G-1", customer_id), side.invoice("G-2", side.absent_id)
    outcomes = await side.write(creating("i1", good), creating("i2", bad), creating("i3", replace(good, number="G-3")))
    assert [type(outcome) for outcome in outcomes] == [Written, Refused, Written]
    refused = outcomes[1]
    assert refused.item_id == "i2"
    assert refused.fault.message.endswith(".")
    assert refused.fault.vendor_message
    assert (await side.ledger())["totals"]["invoices"] == 2


async def test_a_number_used_twice_is_refused_or_found(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    first = await side.added_invoice("N-1", customer_id)
    (second,) = await side.write(creating("i1", side.invoice("N-1", customer_id, reference="inv_other")))
    assert isinstance(second, Refused)
    assert second.holder_id in {"", first.external_id}
    match = await side.provider.find(creating("i1", side.invoice("N-1", customer_id, reference="inv_other")))
    assert match.external_id == first.external_id
    assert not match.equal


async def test_a_customer_is_updated_and_only_that(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    (before,) = await side.provider.fetch(Kind.customer, [customer_id])
    wanted = side.customer("Larkspur Dental", email="new@firm.example")
    (written,) = await side.write(changing(Operation.update, wanted, customer_id, before.version))
    assert isinstance(written, Written)
    (after,) = await side.provider.fetch(Kind.customer, [customer_id])
    assert (after.name, after.customer.email) == ("Larkspur Dental", "new@firm.example")
    assert after.version != before.version
    assert (await side.ledger())["totals"]["customers"] == len(
        {row["id"] for row in (await side.ledger())["customers"]}
    )


async def test_an_invoice_is_voided(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = side.invoice("V-1", customer_id)
    (written,) = await side.write(creating("i1", invoice))
    voiding = changing(Operation.void, invoice, written.external_id, written.version)
    assert not (await side.provider.find(voiding)).equal
    (outcome,) = await side.write(voiding)
    assert isinstance(outcome, Written)
    (read,) = await side.provider.fetch(Kind.invoice, [written.external_id])
    assert read.state is DocumentState.voided
    assert (await side.provider.find(voiding)).equal


async def test_the_first_pull_brings_what_is_there_and_the_next_what_changed(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    first = await side.added_invoice("P-1", customer_id)
    records, cursor = await side.pull(Kind.invoice, since=DAY)
    assert ids(records) == [first.external_id]
    side.sims.clock.advance(timedelta(hours=2))
    second = await side.added_invoice("P-2", customer_id)
    records, cursor = await side.pull(Kind.invoice, cursor)
    assert second.external_id in ids(records)
    side.sims.clock.advance(timedelta(hours=2))
    records, cursor = await side.pull(Kind.invoice, cursor)
    side.sims.clock.advance(timedelta(hours=2))
    assert (await side.pull(Kind.invoice, cursor))[0] == []


async def test_a_business_date_bounds_the_first_pull(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    early = DAY - timedelta(days=60)
    await side.added_invoice("O-1", customer_id, issue_date=early, due_date=early)
    late = await side.added_invoice("O-2", customer_id)
    assert ids((await side.pull(Kind.invoice, since=DAY))[0]) == [late.external_id]


async def test_customers_are_pulled_the_archived_too(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    records, cursor = await side.pull(Kind.customer)
    assert customer_id in ids(records)
    side.sims.clock.advance(timedelta(hours=2))
    await side.act("archive_customer", customer_id=customer_id)
    records, _ = await side.pull(Kind.customer, cursor)
    assert [(record.external_id, record.active) for record in records if record.external_id == customer_id] == [
        (customer_id, False)
    ]


async def test_a_payment_arrives_with_what_it_settled_and_its_void_takes_it_back(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("Z-1", customer_id)
    _, cursor = await side.pull(Kind.payment, since=DAY)
    side.sims.clock.advance(timedelta(hours=2))
    paid = await side.act("pay", invoice_id=invoice.external_id, amount="100.25", date=DAY.isoformat())
    records, cursor = await side.pull(Kind.payment, cursor)
    (payment,) = [record for record in records if record.external_id == paid["payment_id"]]
    assert payment.active
    assert (payment.amount, payment.on, payment.unapplied) == (Decimal("100.25"), DAY, Decimal(0))
    (settlement,) = payment.settlements
    assert (settlement.invoice_id, settlement.amount) == (invoice.external_id, Decimal("100.25"))
    (read,) = await side.provider.fetch(Kind.invoice, [invoice.external_id])
    assert read.balance == invoice.total - Decimal("100.25")
    side.sims.clock.advance(timedelta(hours=2))
    await side.act("void_payment", payment_id=paid["payment_id"])
    records, _ = await side.pull(Kind.payment, cursor)
    (payment,) = [record for record in records if record.external_id == paid["payment_id"]]
    assert not payment.active
    assert payment.settlements == ()
    (read,) = await side.provider.fetch(Kind.invoice, [invoice.external_id])
    assert read.balance == invoice.total


async def test_what_was_paid_beyond_an_invoice_is_unapplied(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("W-1", customer_id)
    _, cursor = await side.pull(Kind.payment, since=DAY)
    side.sims.clock.advance(timedelta(hours=2))
    paid = invoice.total + Decimal("40.25")
    await side.act("pay", invoice_id=invoice.external_id, amount=str(paid), date=DAY.isoformat(), overpay=True)
    records, cursor = await side.pull(Kind.payment, cursor)
    assert sum(one.amount for one in records) == paid
    assert sum(one.unapplied for one in records) == Decimal("40.25")
    assert [(one.invoice_id, one.amount) for record in records for one in record.settlements] == [
        (invoice.external_id, invoice.total)
    ]
    assert {(one.active, one.customer_id, one.currency) for one in records} == {(True, customer_id, side.currency)}
    side.sims.clock.advance(timedelta(hours=2))
    _, cursor = await side.pull(Kind.payment, cursor)
    side.sims.clock.advance(timedelta(hours=2))
    assert (await side.pull(Kind.payment, cursor))[0] == []


async def test_a_paid_invoice_is_paid(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("Y-1", customer_id)
    await side.act("pay", invoice_id=invoice.external_id)
    (read,) = await side.provider.fetch(Kind.invoice, [invoice.external_id])
    assert (read.state, read.balance) == (DocumentState.paid, Decimal(0))


async def test_an_invoice_removed_there_is_said_to_be_gone(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("X-1", customer_id)
    _, cursor = await side.pull(Kind.invoice, since=DAY)
    side.sims.clock.advance(timedelta(hours=2))
    await side.act(side.removal, invoice_id=invoice.external_id)
    for records in (
        (await side.pull(Kind.invoice, cursor))[0],
        await side.provider.fetch(Kind.invoice, [invoice.external_id]),
    ):
        (record,) = [found for found in records if found.external_id == invoice.external_id]
        assert isinstance(record, Gone) or record.state in {DocumentState.deleted, DocumentState.voided}


async def test_many_records_are_fetched_and_the_unknown_are_gone(side: Side):
    customer_id = await side.added_customer("Larkspur Dental")
    first, second = [await side.added_invoice(f"M-{index}", customer_id) for index in (1, 2)]
    wanted = [second.external_id, side.absent_id, first.external_id]
    records = {record.external_id: record for record in await side.provider.fetch(Kind.invoice, wanted)}
    assert records[side.absent_id] == Gone(kind=Kind.invoice, external_id=side.absent_id)
    assert (records[first.external_id].number, records[second.external_id].number) == ("M-1", "M-2")
