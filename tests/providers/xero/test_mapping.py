import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.canonical import (
    Address,
    Customer,
    DocumentState,
    Operation,
    RemoteCustomer,
    RemoteInvoice,
    RemotePayment,
    Settlement,
    TaxMode,
)
from app.providers.jsontext import dumps
from app.providers.xero import mapping, records
from app.providers.xero.companies import to_company
from app.providers.xero.values import day, moment
from tests.providers.xero.support import COMPANY, CONTACT, CUSTOMER, INVOICE, INVOICE_ID, LINE, TENANT, item, sample


def test_an_invoice_is_sent_approved_with_our_tax_and_exact_numbers() -> None:
    assert dumps(mapping.element(item(), COMPANY)).decode() == (
        '{"Type":"ACCREC","Status":"AUTHORISED","Contact":{"ContactID":"8b1f0000-0000-4000-8000-000000000007"},'
        '"Date":"2026-11-18","DueDate":"2026-12-02","InvoiceNumber":"SUB-2026-0042","CurrencyCode":"NZD",'
        '"LineAmountTypes":"Exclusive","LineItems":[{"Description":"Plan November","Quantity":1.5,'
        '"UnitAmount":33.3333,"AccountCode":"200","DiscountRate":10,"TaxType":"OUTPUT2","TaxAmount":6.75}],'
        '"Reference":"inv_42"}'
    )


def test_an_invoice_without_tax_names_no_tax() -> None:
    body = mapping.invoice_element(replace(INVOICE, tax_mode=TaxMode.none, lines=(replace(LINE, tax="NONE"),)))
    assert body["LineAmountTypes"] == "NoTax"
    assert not {"TaxType", "TaxAmount"} & set(body["LineItems"][0])


@pytest.mark.parametrize("record", [INVOICE, CUSTOMER, Customer(name="Bare")])
@pytest.mark.parametrize("external_id", ["", "c1d2e3f4-0000-4000-8000-000000000042"])
def test_nothing_is_ever_sent_as_null(record, external_id) -> None:
    operation = Operation.update if external_id else Operation.create
    assert "null" not in dumps(mapping.element(item(record, operation, external_id=external_id), COMPANY)).decode()


def test_an_update_replaces_all_lines_of_the_named_invoice() -> None:
    body = mapping.invoice_element(INVOICE, INVOICE_ID)
    assert body["InvoiceID"] == INVOICE_ID
    assert "LineItemID" not in body["LineItems"][0]


def test_a_void_and_an_archiving_name_the_record_and_nothing_else() -> None:
    void = mapping.element(item(INVOICE, Operation.void, external_id=INVOICE_ID), COMPANY)
    assert void == {"InvoiceID": INVOICE_ID, "Status": "VOIDED"}
    archive = mapping.element(item(CUSTOMER, Operation.deactivate, external_id=CONTACT), COMPANY)
    assert archive == {"ContactID": CONTACT, "ContactStatus": "ARCHIVED"}


def test_a_new_contact_leaves_out_what_is_empty() -> None:
    assert mapping.contact_element(Customer(name="Bare"), COMPANY) == {"Name": "Bare"}


def test_an_updated_contact_clears_what_was_cleared_here() -> None:
    body = mapping.contact_element(replace(CUSTOMER, email="", phone="", tax_number=""), COMPANY, CONTACT)
    assert (body["EmailAddress"], body["TaxNumber"], body["Phones"][0]["PhoneNumber"]) == ("", "", "")
    assert body["ContactNumber"] == "cus_0042"


def test_a_contacts_currency_is_sent_only_where_there_are_several() -> None:
    assert mapping.contact_element(CUSTOMER, COMPANY)["DefaultCurrency"] == "NZD"
    assert "DefaultCurrency" not in mapping.contact_element(CUSTOMER, replace(COMPANY, multicurrency=False))


def test_an_invoice_is_read_with_everything_set_against_it() -> None:
    def by(source: int, amount: str, on: date, kind: str) -> Settlement:
        return Settlement(
            source_id=f"a0000000-0000-4000-8000-00000000000{source}",
            invoice_id=INVOICE_ID,
            amount=Decimal(amount),
            on=on,
            source_kind=kind,
        )

    assert records.to_invoice(sample("invoice_authorised")["Invoices"][0]) == RemoteInvoice(
        external_id=INVOICE_ID,
        version="2026-11-21T09:42:03.456000+00:00",
        number="SUB-2026-0042",
        customer_id=CONTACT,
        state=DocumentState.open,
        currency="NZD",
        total=Decimal("56.93"),
        tax_total=Decimal("7.43"),
        balance=Decimal("25.15"),
        issue_date=date(2026, 11, 18),
        reference="inv_42",
        settlements=(
            by(1, "20.00", date(2026, 11, 19), "payment"),
            by(2, "6.75", date(2026, 11, 21), "credit_note"),
            by(4, "3.03", date(2026, 11, 20), "overpayment"),
            by(3, "2", date(2026, 11, 20), "prepayment"),
        ),
        updated_at=datetime(2026, 11, 21, 9, 42, 3, 456000, tzinfo=UTC),
    )


def test_a_voided_invoice_owes_nothing_whatever_xero_still_shows() -> None:
    invoice = records.to_invoice(sample("invoice_voided")["Invoices"][0])
    assert (invoice.state, invoice.balance, invoice.settlements) == (DocumentState.voided, Decimal(0), ())
    assert invoice.total == Decimal("24.15")


def test_a_bare_list_tells_nothing_of_settlements() -> None:
    element = {"Type": "ACCREC", "InvoiceID": INVOICE_ID, "Status": "PAID", "FullyPaidOnDate": "/Date(1795132800000)/"}
    invoice = records.to_invoice(element)
    assert invoice.settlements is None
    assert (invoice.state, invoice.fully_paid_on) == (DocumentState.paid, date(2026, 11, 20))


def test_a_status_xero_invents_later_counts_as_a_draft() -> None:
    assert records.to_invoice({"Status": "PENDINGREVIEW"}).state is DocumentState.draft


def test_payments_of_sales_are_read_and_deleted_ones_settle_nothing() -> None:
    read = [records.to_payment(element) for element in sample("payments")["Payments"]]
    live, deleted, bill, refund = read
    assert live == RemotePayment(
        external_id="a0000000-0000-4000-8000-000000000001",
        version="2026-11-21T08:33:20+00:00",
        customer_id=CONTACT,
        on=date(2026, 11, 19),
        currency="NZD",
        amount=Decimal("20.00"),
        unapplied=Decimal(0),
        active=True,
        settlements=(
            Settlement(
                source_id="a0000000-0000-4000-8000-000000000001",
                invoice_id=INVOICE_ID,
                amount=Decimal("20.00"),
                on=date(2026, 11, 19),
            ),
        ),
        reference="ch_9x",
        updated_at=datetime(2026, 11, 21, 8, 33, 20, tzinfo=UTC),
    )
    assert deleted is not None
    assert (deleted.active, deleted.settlements) == (False, ())
    assert (bill, refund) == (None, None)


def test_overpayments_of_customers_are_read_with_what_they_were_used_for() -> None:
    def used(invoice: str, amount: str, on: date) -> Settlement:
        return Settlement(
            source_id="a0000000-0000-4000-8000-000000000004",
            invoice_id=f"c1d2e3f4-0000-4000-8000-0000000000{invoice}",
            amount=Decimal(amount),
            on=on,
            source_kind="overpayment",
        )

    live, voided, bill = [records.to_overpayment(element) for element in sample("overpayments")["Overpayments"]]
    assert live == RemotePayment(
        external_id="a0000000-0000-4000-8000-000000000004",
        version="2026-11-21T08:33:20+00:00",
        customer_id=CONTACT,
        on=date(2026, 11, 19),
        currency="NZD",
        amount=Decimal("100.00"),
        unapplied=Decimal("80.97"),
        active=True,
        settlements=(used("42", "4.03", date(2026, 11, 21)), used("43", "5", date(2026, 11, 20))),
        source_kind="overpayment",
        reference="dep_7",
        updated_at=datetime(2026, 11, 21, 8, 33, 20, tzinfo=UTC),
    )
    assert voided is not None
    assert (voided.active, voided.amount, voided.unapplied, voided.settlements) == (
        False,
        Decimal("7.00"),
        Decimal(0),
        (),
    )
    assert bill is None


def test_a_contact_is_read_from_its_fixed_slots() -> None:
    active, archived = (records.to_customer(element) for element in sample("contacts")["Contacts"])
    assert active == RemoteCustomer(
        external_id=CONTACT,
        version="2026-11-21T08:33:20+00:00",
        name="Pier 7 Cafe",
        active=True,
        customer=Customer(
            name="Pier 7 Cafe",
            reference="cus_0042",
            email="ap@pier7.example",
            phone="64 9 555 0100",
            currency="NZD",
            tax_number="12-345",
            billing_address=Address(
                line1="1 Quay St", line2="Level 2, East", city="Auckland", postal_code="1010", country="New Zealand"
            ),
        ),
        updated_at=datetime(2026, 11, 21, 8, 33, 20, tzinfo=UTC),
    )
    assert (archived.active, archived.customer.active) == (False, False)


def test_what_we_write_of_a_customer_comes_back_the_same() -> None:
    written = json.loads(dumps(mapping.contact_element(CUSTOMER, COMPANY)))
    assert records.to_customer(written).customer == replace(CUSTOMER, company_name="", notes="")


class TestDates:
    def test_a_date_is_the_utc_day_whatever_offset_is_written(self) -> None:
        assert day("/Date(1795046400000+1300)/") == date(2026, 11, 19)
        assert day("/Date(-86400000)/") == date(1969, 12, 31)

    def test_a_moment_is_utc_with_or_without_a_zone(self) -> None:
        expected = datetime(2026, 11, 21, 9, 42, 3, tzinfo=UTC)
        assert moment("2026-11-21T09:42:03") == expected
        assert moment("2026-11-21T09:42:03.0000000Z") == expected
        assert moment("2026-11-21T22:42:03+13:00") == expected

    @pytest.mark.parametrize("value", [None, "", "soon", 5, "/Date()/"])
    def test_anything_else_is_no_moment(self, value) -> None:
        assert moment(value) is None


class TestCompany:
    def test_the_later_lock_date_counts(self) -> None:
        company = to_company(TENANT, sample("organisation")["Organisations"][0], [{"Code": "NZD"}, {"Code": "AUD"}])
        assert (company.name, company.country, company.currency) == ("Harbour Kiosk Ltd", "NZ", "NZD")
        assert company.lock_date == date(2026, 3, 30)
        assert company.multicurrency
        assert company.facts["currencies"] == "AUD,NZD"
        assert {check.code: check.level for check in company.checks} == {
            "base_currency": "ok",
            "multicurrency": "ok",
            "tax_setup": "ok",
            "closing_date": "ok",
        }

    def test_a_bare_demo_organisation_is_warned_about(self) -> None:
        company = to_company(TENANT, {"Name": "Demo", "BaseCurrency": "USD", "IsDemoCompany": True}, [])
        assert (company.lock_date, company.multicurrency) == (None, False)
        assert {check.code for check in company.checks if check.level == "warning"} == {"tax_setup", "demo_company"}
