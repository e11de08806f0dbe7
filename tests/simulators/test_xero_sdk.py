"""Xero's own Python client, unmodified, against the simulator over a real loopback port."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from xero_python.accounting.models import (
    Account,
    Allocation,
    Allocations,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    Currency,
    Invoice,
    Invoices,
    Item,
    LineItem,
    Organisation,
    Overpayment,
    Payment,
    PaymentDelete,
    Payments,
    TaxRate,
)
from xero_python.exceptions import AccountingBadRequestException, RateLimitException
from xero_python.exceptions.http_status_exceptions import HTTPStatusException, NotFoundException

from simulators.core.faults import Fault
from simulators.xero import CLIENT_ID, CLIENT_SECRET, TENANT_NZ, TENANT_UK
from tests.simulators.xero_served import Served, connected

MISSING = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with connected(monkeypatch) as served:
        yield served


def contact(sdk: Served, name: str = "Pier 7 Cafe") -> str:
    made = sdk.api.create_contacts(TENANT_NZ, Contacts(contacts=[Contact(name=name, contact_number="cus_1")]))
    return str(made.contacts[0].contact_id)


def bill_of(cid: str, number: str) -> Invoice:
    line = LineItem(
        description="Plan",
        quantity=Decimal("2.5"),
        unit_amount=Decimal("30.52"),
        account_code="200",
        tax_type="OUTPUT2",
    )
    return Invoice(
        type="ACCREC", contact=Contact(contact_id=cid), line_items=[line], date=date(2026, 11, 18),
        due_date=date(2026, 12, 2), invoice_number=number, reference="sub_77", status="AUTHORISED",
    )  # fmt: skip


def test_contacts(sdk: Served) -> None:
    cid = contact(sdk)
    changed = sdk.api.update_or_create_contacts(
        TENANT_NZ, Contacts(contacts=[Contact(contact_id=cid, email_address="ap@pier7.example")])
    )
    assert changed.contacts[0].email_address == "ap@pier7.example"
    found = sdk.api.get_contacts(
        TENANT_NZ, if_modified_since=datetime.now(UTC) - timedelta(days=1), where='Name=="pier 7 cafe"', page=1,
        include_archived=True,
    )  # fmt: skip
    assert [c.contact_id for c in found.contacts] == [cid]
    assert found.pagination.item_count == 1
    with pytest.raises(AccountingBadRequestException) as refusal:
        sdk.api.create_contacts(TENANT_NZ, Contacts(contacts=[Contact(name="PIER 7 CAFE")]))
    assert "is already assigned to another contact" in refusal.value.reason
    thin = sdk.api.create_contacts(
        TENANT_NZ, Contacts(contacts=[Contact(name="PIER 7 CAFE"), Contact(name="Other")]), summarize_errors=False
    )
    assert [c.status_attribute_string for c in thin.contacts] == ["ERROR", "OK"]
    with pytest.raises(NotFoundException):
        sdk.api.get_contact(TENANT_NZ, MISSING)


def test_invoices(sdk: Served) -> None:
    cid = contact(sdk)
    made = sdk.api.create_invoices(
        TENANT_NZ, Invoices(invoices=[bill_of(cid, "S-1"), bill_of(cid, "S-1")]), summarize_errors=False, unitdp=4,
        idempotency_key="k1",
    ).invoices  # fmt: skip
    assert [i.status_attribute_string for i in made] == ["OK", "ERROR"]
    assert made[1].validation_errors[0].message == "Invoice # must be unique."
    first = made[0]
    assert (first.sub_total, first.total_tax, first.total) == (Decimal("76.30"), Decimal("11.45"), Decimal("87.75"))
    assert (first.date, first.due_date) == (date(2026, 11, 18), date(2026, 12, 2))
    by_ids = sdk.api.get_invoices(TENANT_NZ, i_ds=[first.invoice_id, MISSING], page=1, statuses=["AUTHORISED", "PAID"])
    assert [len(i.line_items) for i in by_ids.invoices] == [1]
    void = Invoices(invoices=[Invoice(status="VOIDED")])
    assert sdk.api.update_invoice(TENANT_NZ, first.invoice_id, void).invoices[0].status == "VOIDED"


def test_payments_and_credit(sdk: Served) -> None:
    cid = contact(sdk)
    invoice = sdk.api.create_invoices(TENANT_NZ, Invoices(invoices=[bill_of(cid, "S-1")])).invoices[0]
    target = Invoice(invoice_id=invoice.invoice_id)
    payment = Payment(
        invoice=target, account=Account(code="090"), date=date(2026, 11, 20), amount=Decimal("7.75"), reference="ch_1"
    )
    made = sdk.api.create_payments(TENANT_NZ, Payments(payments=[payment])).payments[0]
    assert (made.payment_type, made.invoice.amount_due) == ("ACCRECPAYMENT", Decimal("80.00"))
    single = sdk.api.create_payment(TENANT_NZ, payment).payments[0]
    note = CreditNote(
        type="ACCRECCREDIT", contact=Contact(contact_id=cid), status="AUTHORISED", date=date(2026, 11, 19),
        line_items=[LineItem(description="Sorry", quantity=1, unit_amount=10, account_code="200", tax_type="NONE")],
    )  # fmt: skip
    note = sdk.api.create_credit_notes(TENANT_NZ, CreditNotes(credit_notes=[note])).credit_notes[0]
    share = Allocations(allocations=[Allocation(invoice=target, amount=10, date=date(2026, 11, 20))])
    sdk.api.create_credit_note_allocation(TENANT_NZ, note.credit_note_id, share)
    now = sdk.api.get_invoice(TENANT_NZ, invoice.invoice_id).invoices[0]
    assert (now.amount_due, now.amount_paid, now.amount_credited) == (Decimal("62.25"), Decimal("15.50"), 10)
    gone = sdk.api.delete_payment(TENANT_NZ, single.payment_id, PaymentDelete(status="DELETED")).payments[0]
    assert gone.status == "DELETED"
    assert len(sdk.api.get_payments(TENANT_NZ, page=1).payments) == 2
    too_much = Payment(invoice=target, account=Account(code="090"), date=date(2026, 11, 20), amount=1000)
    with pytest.raises(AccountingBadRequestException) as refusal:
        sdk.api.create_payment(TENANT_NZ, too_much)
    assert refusal.value.reason == "Payment amount exceeds the amount outstanding on this document"


def test_settings_and_identity(sdk: Served) -> None:
    assert sdk.api.get_organisations(TENANT_NZ).organisations[0].base_currency.value == "NZD"
    assert {a.code for a in sdk.api.get_accounts(TENANT_NZ).accounts} >= {"090", "200", "260"}
    assert "OUTPUT2" in {r.tax_type for r in sdk.api.get_tax_rates(TENANT_NZ).tax_rates}
    assert sdk.api.get_items(TENANT_NZ).items[0].code == "CONSULT"
    assert sdk.api.get_currencies(TENANT_NZ).currencies[0].code.value == "NZD"
    assert sdk.api.get_overpayments(TENANT_NZ).overpayments == []
    [connection] = sdk.identity.get_connections()
    assert connection.tenant_id == TENANT_NZ
    with pytest.raises(HTTPStatusException) as wrong:
        sdk.api.get_organisations(TENANT_UK)
    assert wrong.value.status == 403


def test_refresh_revoke_and_rate_limit(sdk: Served) -> None:
    old = sdk.tokens["refresh_token"]
    sdk.client.refresh_oauth2_token()
    assert sdk.tokens["refresh_token"] != old
    headers = {"X-Rate-Limit-Problem": "minute", "Retry-After": "0"}
    sdk.faults.add(Fault("xero", "(?i)/organisation", "status", status=429, headers=headers, times=9))
    with pytest.raises(RateLimitException) as limited:
        sdk.api.get_organisations(TENANT_NZ)
    assert limited.value.rate_limit == "minute"
    sdk.faults.clear()
    sdk.client.revoke_oauth2_token()
    body = {"grant_type": "refresh_token", "refresh_token": old}
    answer = httpx.post(f"{sdk.base}/xero/connect/token", data=body, auth=(CLIENT_ID, CLIENT_SECRET))
    assert answer.json() == {"error": "invalid_grant"}


# Real answers carry these although the published schema, from which the SDK is made, lacks them.
BEYOND_THE_SCHEMA = {
    "DateString", "DueDateString", "ID", "TaxNumberName", "IsDiscounted", "AppliedAmount", "HasErrors", "Date",
    "ValidationErrors", "AccountID",
}  # fmt: skip


def invented(model: Any, element: dict[str, Any]) -> set[str]:
    """Field names that neither the SDK's model nor the real answers know."""
    return set(element) - set(model.attribute_map.values()) - BEYOND_THE_SCHEMA


def test_no_field_name_is_invented(sdk: Served) -> None:
    cid = contact(sdk)
    invoice = sdk.api.create_invoices(TENANT_NZ, Invoices(invoices=[bill_of(cid, "S-1")])).invoices[0]
    httpx.post(
        f"{sdk.base}/_sim/xero/companies/{TENANT_NZ}/pay", json={"number": "S-1", "amount": "100", "overpay": True}
    )
    headers = {
        "Authorization": f"Bearer {sdk.tokens['access_token']}", "xero-tenant-id": TENANT_NZ,
        "Accept": "application/json",
    }  # fmt: skip
    for path, model in (
        ("Organisation", Organisation), ("Contacts?page=1", Contact), ("Payments", Payment), ("Accounts", Account),
        ("Overpayments?page=1", Overpayment), ("TaxRates", TaxRate), ("Items", Item), ("Currencies", Currency),
        (f"Invoices/{invoice.invoice_id}", Invoice),
    ):  # fmt: skip
        answer = httpx.get(f"{sdk.base}/xero/api.xro/2.0/{path}", headers=headers).json()
        [elements] = [value for value in answer.values() if isinstance(value, list)]
        assert elements, path
        for element in elements:
            assert invented(model, element) == set(), path
            for line in element.get("LineItems", []):
                assert invented(LineItem, line) == set()
