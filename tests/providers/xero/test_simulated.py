"""What is Xero's alone, against its simulator: locks, archived contacts, credits, half-stored batches, lost access."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.canonical import DocumentState, Kind, Operation
from app.errors import NeedsReauth, RateLimited
from app.providers.base import NotWritten, Refused, Unknown, Written
from app.providers.xero import spec
from simulators.root import Simulators
from tests.providers.contract import DAY, OPENERS, Side, changing, creating, simulated


@pytest.fixture
async def side():
    sims = Simulators()
    async with simulated(sims) as client:
        opened = await OPENERS["xero"](sims, client)
        yield opened
    await sims.aclose()


async def control(side: Side, path: str, **body: object) -> None:
    answer = await side.client.post(f"/_sim/xero{path}", json=body)
    assert answer.status_code == 200, answer.text


async def test_a_lock_date_is_told_before_the_call_and_by_it(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    await side.act("lock", period_lock_date=DAY.isoformat())
    item = creating("i1", side.invoice("K-1", customer))
    company = await side.provider.company()
    assert company.lock_date == DAY
    assert [fault.code for fault in side.provider.preflight(item, company)] == ["period_closed"]
    unaware = side.provider.prepare([item], side.key(), replace(company, lock_date=None))
    (refused,) = await side.provider.write(unaware)
    assert isinstance(refused, Refused)
    assert refused.fault.code == "period_closed"
    later = creating("i2", side.invoice("K-2", customer, issue_date=DAY + timedelta(days=1)))
    assert isinstance((await side.write(later))[0], Written)


async def test_a_taken_name_is_refused_whatever_its_case_and_an_archived_one_is_free(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    other = side.customer("LARKSPUR dental", reference="cli_other")
    (refused,) = await side.write(creating("c1", other))
    assert isinstance(refused, Refused)
    assert refused.fault.code == "name_taken"
    match = await side.provider.find(creating("c1", other))
    assert (match.external_id, match.equal) == (customer, False)
    await side.act("archive_customer", customer_id=customer)
    assert await side.provider.find(creating("c1", other)) is None
    (written,) = await side.write(creating("c1", other))
    assert isinstance(written, Written)
    change = side.customer("Larkspur Dental", email="new@firm.example")
    (refused,) = await side.write(changing(Operation.update, change, customer, ""))
    assert refused.fault.code == "customer_archived"


async def test_a_customer_is_archived_and_that_can_be_proven(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    item = changing(Operation.deactivate, side.customer("Larkspur Dental"), customer, "")
    assert not (await side.provider.find(item)).equal
    assert isinstance((await side.write(item))[0], Written)
    assert (await side.provider.find(item)).equal


async def test_an_update_replaces_the_lines_until_something_is_paid(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    first = await side.added_invoice("U-1", customer)
    wanted = side.invoice("U-1", customer, price="50.00")
    (written,) = await side.write(changing(Operation.update, wanted, first.external_id, first.version))
    assert (written.external_id, written.total) == (first.external_id, wanted.total)
    await side.act("pay", invoice_id=first.external_id, amount="1.00")
    outcomes = [
        (await side.write(changing(operation, side.invoice("U-1", customer), first.external_id, "")))[0]
        for operation in (Operation.update, Operation.void)
    ]
    assert [outcome.fault.code for outcome in outcomes] == ["has_dependents", "has_dependents"]


async def test_a_half_stored_batch_is_unknown_and_found_out_by_looking(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    items = [creating(f"i{number}", side.invoice(f"H-{number}", customer)) for number in range(4)]
    await control(side, "/partial", after=2)
    outcomes = await side.write(*items)
    assert [type(outcome) for outcome in outcomes] == [Unknown] * 4
    matches = [await side.provider.find(item) for item in items]
    assert [match is not None and match.equal for match in matches] == [True, True, False, False]


async def test_an_overpaid_invoice_is_paid_by_payment_alone(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("E-1", customer)
    await side.act("pay", invoice_id=invoice.external_id, amount=str(invoice.total + 5), overpay=True)
    (read,) = await side.provider.fetch(Kind.invoice, [invoice.external_id])
    assert (read.state, read.balance) == (DocumentState.paid, Decimal(0))
    assert read.fully_paid_on is not None
    assert [(one.source_kind, one.amount) for one in read.settlements] == [("payment", invoice.total)]


async def test_an_overpayment_is_read_by_its_id_beside_payments(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("E-1", customer)
    await side.act("pay", invoice_id=invoice.external_id, amount=str(invoice.total + 5), overpay=True)
    listed, _ = await side.pull(Kind.payment)
    assert {one.source_kind for one in listed} == {"payment", "overpayment"}
    read = await side.provider.fetch(Kind.payment, [one.external_id for one in listed])
    assert {one.external_id: one for one in read} == {one.external_id: one for one in listed}


async def test_the_minute_limit_stops_reads_and_writes_without_harm(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    call = await side.prepared(creating("i1", side.invoice("Q-1", customer)))
    await control(side, "/limits", enforce=True, minute=1)
    (outcome,) = await side.provider.write(call)
    assert isinstance(outcome, NotWritten)
    assert outcome.retry_after is not None
    assert timedelta(0) < outcome.retry_after <= timedelta(minutes=1)
    with pytest.raises(RateLimited) as caught:
        await side.pull(Kind.invoice)
    assert caught.value.limit == "minute"


async def test_a_disconnected_organisation_needs_a_person(side: Side) -> None:
    customer = await side.added_customer("Larkspur Dental")
    call = await side.prepared(creating("i1", side.invoice("Q-1", customer)))
    await side.act("disconnect")
    with pytest.raises(NeedsReauth):
        await side.provider.write(call)
    with pytest.raises(NeedsReauth):
        await side.pull(Kind.invoice)


async def test_every_record_is_pulled_once_the_pages_are_small(side: Side, monkeypatch) -> None:
    monkeypatch.setattr(spec, "PAGE_SIZE", 7)
    await control(side, "/limits", enforce=False)
    names = [f"Client {number:02}" for number in range(40)]
    made = await side.write(*(creating(f"c{number}", side.customer(name)) for number, name in enumerate(names)))
    records, cursor = await side.pull(Kind.customer)
    assert {outcome.external_id for outcome in made} <= {record.external_id for record in records}
    side.sims.clock.advance(timedelta(hours=1))
    await side.pull(Kind.customer, cursor)
    side.sims.clock.advance(timedelta(hours=1))
    _, cursor = await side.pull(Kind.customer, cursor)
    assert (await side.pull(Kind.customer, cursor))[0] == []
