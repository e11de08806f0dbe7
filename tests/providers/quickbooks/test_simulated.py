"""What is QuickBooks' alone, against the Intuit simulator; the rest stands in the contract suite."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import httpx
import pytest

from app.canonical import InvoiceLine, Kind, Operation, TaxMode
from app.errors import Misconfigured, NeedsReauth
from app.providers.base import NotWritten, Refused, Written
from app.providers.quickbooks import QuickBooks
from simulators.core.faults import Fault
from simulators.root import Simulators
from tests.providers.contract import changing, creating, http_to, open_quickbooks, simulated

UK_REALM = "9341452900000002"


@pytest.fixture
async def side():
    sims = Simulators()
    async with simulated(sims) as client:
        yield await open_quickbooks(sims, client)
    await sims.aclose()


@pytest.fixture
async def uk():
    """The simulator's British company: VAT codes 3 (20 %), 5 (0 %) and 7 (5 %)."""
    sims = Simulators()
    async with simulated(sims) as client:
        opened = await open_quickbooks(sims, client, UK_REALM)
        yield replace(opened, currency="GBP", tax="3", untaxed="5", rate=Decimal(20))
    await sims.aclose()


async def test_a_vendors_name_is_refused_and_the_look_up_says_whose_it_is(side):
    item = creating("c1", side.customer("Bob's Burger Joint"))
    (refused,) = await side.write(item)
    assert isinstance(refused, Refused)
    assert refused.fault.code == "name_taken"
    match = await side.provider.find(item)
    assert (match.equal, match.external_id) == (False, "")
    assert "vendor" in match.difference


async def test_an_old_version_is_stale_and_the_record_keeps_the_newer_change(side):
    customer_id = await side.added_customer("Larkspur Dental")
    newer = side.customer("Larkspur Dental", email="new@firm.example")
    await side.write(changing(Operation.update, newer, customer_id, "0"))
    older = side.customer("Larkspur Dental", email="old@firm.example")
    (refused,) = await side.write(changing(Operation.update, older, customer_id, "0"))
    assert refused.stale
    (read,) = await side.provider.fetch(Kind.customer, [customer_id])
    assert read.customer.email == "new@firm.example"


async def test_an_update_of_an_invoice_replaces_its_lines(side):
    customer_id = await side.added_customer("Larkspur Dental")
    written = await side.added_invoice("U-1", customer_id)
    wanted = side.invoice("U-1", customer_id, price="120.00")
    (updated,) = await side.write(changing(Operation.update, wanted, written.external_id, written.version))
    assert isinstance(updated, Written)
    assert updated.total == wanted.total
    assert updated.version != written.version


async def test_our_tax_replaces_what_quickbooks_would_compute(side):
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = side.invoice("T-1", customer_id)
    odd = replace(invoice, tax_total=Decimal("1.23"), total=invoice.subtotal + Decimal("1.23"))
    (written,) = await side.write(creating("i1", odd))
    assert written.total == odd.total


async def test_a_discounted_line_comes_to_the_cent(side):
    customer_id = await side.added_customer("Larkspur Dental")
    line = InvoiceLine(
        description="Design",
        quantity=Decimal("3.333"),
        unit_price=Decimal("19.99"),
        amount=Decimal("56.63"),
        discount_percent=Decimal(15),
        item="3",
        tax="NON",
    )
    total = Decimal("56.63")
    (written,) = await side.write(
        creating(
            "i1", side.invoice("S-1", customer_id, lines=(line,), subtotal=total, tax_total=Decimal(0), total=total)
        )
    )
    assert written.total == total


async def test_the_closing_date_is_known_before_the_call(side):
    await side.act("close_books", date="2026-10-31")
    company = await side.provider.company()
    assert company.lock_date == date(2026, 10, 31)
    invoice = side.invoice("C-1", "1", issue_date=date(2026, 10, 31))
    faults = side.provider.preflight(creating("i1", invoice), company)
    assert [fault.code for fault in faults] == ["period_closed"]
    call = side.provider.prepare([creating("i1", invoice)], side.key(), company)
    (refused,) = await side.provider.write(call)
    assert refused.fault.code == "period_closed"


async def test_the_number_of_a_taken_invoice_names_its_holder(side):
    customer_id = await side.added_customer("Larkspur Dental")
    first = await side.added_invoice("H-1", customer_id)
    (refused,) = await side.write(creating("i1", side.invoice("H-1", customer_id, reference="inv_other")))
    assert (refused.fault.code, refused.holder_id) == ("number_taken", first.external_id)


async def test_throttling_of_the_simulator_is_understood(side):
    company = await side.provider.company()
    call = side.provider.prepare([creating("c1", side.customer("Larkspur Dental"))], side.key(), company)
    side.sims.intuit.limits.enforce = True
    outcomes = [outcome for _ in range(12) for outcome in await side.provider.write(call)]
    assert {type(outcome) for outcome in outcomes} == {Written, NotWritten}
    assert len({outcome.external_id for outcome in outcomes if isinstance(outcome, Written)}) == 1


async def test_a_cut_off_answer_is_not_a_confirmation(side):
    company = await side.provider.company()
    call = side.provider.prepare([creating("c1", side.customer("Larkspur Dental"))], side.key(), company)
    side.sims.faults.add(Fault(provider="intuit", path="/customer", kind="malformed"))
    (outcome,) = await side.provider.write(call)
    assert outcome.reason == "QuickBooks confirmed with an answer that cannot be read."


async def test_a_company_that_disconnected_needs_a_person(side):
    class Dead:
        async def access_token(self, *, rejected=None):
            return "eyJ" + "x" * 100

    provider = QuickBooks(http_to(side.client, "/intuit", Dead()), side.company_id, side.sims.clock.now)
    with pytest.raises(NeedsReauth):
        await provider.company()


async def test_a_token_of_another_company_is_the_operators_business(side):
    tokens = side.provider._http._tokens
    provider = QuickBooks(http_to(side.client, "/intuit", tokens), UK_REALM, side.sims.clock.now)
    with pytest.raises(Misconfigured):
        await provider.company()


async def test_vat_is_added_by_the_codes_of_the_lines(uk):
    company = await uk.provider.company()
    assert (company.country, company.currency, company.facts["us"]) == ("GB", "GBP", False)
    customer_id = await uk.added_customer("Larkspur Dental")
    invoice = uk.invoice("UK-1", customer_id)
    written = await uk.added_invoice("UK-1", customer_id)
    assert written.total == invoice.total
    assert Decimal(written.metadata["tax_total"]) == invoice.tax_total


async def test_prices_with_vat_come_to_the_same_total(uk):
    customer_id = await uk.added_customer("Larkspur Dental")
    line = InvoiceLine(
        description="Tea",
        quantity=Decimal(3),
        unit_price=Decimal("10.00"),
        amount=Decimal("30.00"),
        tax_amount=Decimal("5.00"),
        item="3",
        tax="3",
    )
    amounts = {"subtotal": Decimal("25.00"), "tax_total": Decimal("5.00"), "total": Decimal("30.00")}
    invoice = uk.invoice("UK-2", customer_id, tax_mode=TaxMode.inclusive, lines=(line,), **amounts)
    (written,) = await uk.write(creating("i1", invoice))
    assert written.total == Decimal("30.00")


async def test_an_invoice_outside_the_scope_of_vat_has_none(uk):
    customer_id = await uk.added_customer("Larkspur Dental")
    plain = uk.invoice("UK-3", customer_id)
    lines = tuple(replace(line, tax="5", tax_amount=Decimal(0)) for line in plain.lines)
    amounts = {"tax_total": Decimal(0), "total": plain.subtotal}
    (written,) = await uk.write(creating("i1", replace(plain, tax_mode=TaxMode.none, lines=lines, **amounts)))
    assert written.total == plain.subtotal


async def test_a_credit_memo_that_is_applied_settles_the_invoice(side):
    """Made through the API, as QuickBooks itself does it when it applies credits."""
    customer_id = await side.added_customer("Larkspur Dental")
    invoice = await side.added_invoice("CM-1", customer_id)
    line = {"DetailType": "SalesItemLineDetail", "Amount": 40, "SalesItemLineDetail": {"ItemRef": {"value": "3"}}}
    memo = await post(side, "creditmemo", {"CustomerRef": {"value": customer_id}, "Line": [line]})
    links = [("Invoice", invoice.external_id), ("CreditMemo", memo["CreditMemo"]["Id"])]
    lines = [{"Amount": 40, "LinkedTxn": [{"TxnId": of, "TxnType": kind}]} for kind, of in links]
    await post(side, "payment", {"CustomerRef": {"value": customer_id}, "TotalAmt": 0, "Line": lines})
    records, _ = await side.pull(Kind.payment)
    (payment,) = [record for record in records if record.customer_id == customer_id]
    assert [(found.invoice_id, found.amount, found.source_kind) for found in payment.settlements] == [
        (invoice.external_id, Decimal(40), "credit_note")
    ]


async def post(side, resource, body):
    token = await side.provider._http._tokens.access_token()
    response = await side.client.post(
        f"/intuit/v3/company/{side.company_id}/{resource}",
        json=body,
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
    )
    assert response.status_code == httpx.codes.OK, response.text
    return response.json()
