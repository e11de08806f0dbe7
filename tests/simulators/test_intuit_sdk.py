"""Intuit's own OAuth client and python-quickbooks, unmodified, against the simulator over a real loopback port."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from intuitlib.exceptions import AuthClientError
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects import Account, CompanyInfo, CreditMemo, Customer, Invoice, Item, Payment
from quickbooks.objects.base import LinkedTxn, Ref
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.payment import PaymentLine

from simulators.intuit import US_REALM


def test_oauth_client(auth: Any) -> None:
    assert auth.realm_id == US_REALM
    first = auth.access_token
    auth.refresh()
    assert auth.access_token != first
    assert auth.revoke() is True
    with pytest.raises(AuthClientError) as refused:
        auth.refresh()
    assert refused.value.status_code == 400


def invoice_for(customer: Customer, number: str, amount: str) -> Invoice:
    line = SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Ref()
    line.SalesItemLineDetail.ItemRef.value = "1"
    invoice = Invoice()
    invoice.CustomerRef = customer.to_ref()
    invoice.DocNumber = number
    invoice.Line.append(line)
    return invoice


def test_customer_invoice_payment_round_trip(qb: Any) -> None:
    customer = Customer()
    customer.DisplayName = "O'Brien SDK"
    customer = customer.save(qb=qb)
    assert customer.SyncToken == "0"
    customer.CompanyName = "Renamed"
    customer = customer.save(qb=qb)
    assert customer.SyncToken == "1"
    assert Customer.get(customer.Id, qb=qb).CompanyName == "Renamed"
    assert [c.Id for c in Customer.filter(DisplayName="O'Brien SDK", qb=qb)] == [customer.Id]

    invoice = invoice_for(customer, "SDK-1", "120.50")
    invoice = invoice.save(qb=qb, request_id="sdk-1")
    assert Decimal(str(invoice.Balance)) == Decimal("120.50")
    again = invoice_for(customer, "SDK-1", "120.50")
    again = again.save(qb=qb, request_id="sdk-1")
    assert again.Id == invoice.Id

    payment = Payment()
    payment.CustomerRef = customer.to_ref()
    payment.TotalAmt = "120.50"
    line = PaymentLine()
    line.Amount = "120.50"
    link = LinkedTxn()
    link.TxnId, link.TxnType = invoice.Id, "Invoice"
    line.LinkedTxn.append(link)
    payment.Line.append(line)
    payment = payment.save(qb=qb)
    paid = Invoice.get(invoice.Id, qb=qb)
    assert paid.Balance == 0
    payment.void(qb=qb)
    assert Decimal(str(Invoice.get(invoice.Id, qb=qb).Balance)) == Decimal("120.50")
    Invoice.get(invoice.Id, qb=qb).void(qb=qb)
    assert Invoice.get(invoice.Id, qb=qb).PrivateNote.startswith("Voided")


def test_lists_batch_and_cdc(qb: Any) -> None:
    assert CompanyInfo.get(US_REALM, qb=qb).CompanyName == "Sandbox Company_US_1"
    assert {i.Name for i in Item.all(qb=qb)} >= {"Services", "Hours"}
    assert Account.filter(Name="Checking", qb=qb)[0].Id == "35"
    assert Customer.count(qb=qb) >= 5
    assert [c.Id for c in Customer.all(order_by="Id", max_results=2, qb=qb)] == ["1", "2"]
    made = batch_create([_named("Batch one"), _named("Batch two"), _named("Amy's Bird Sanctuary")], qb=qb)
    assert [c.DisplayName for c in made.successes] == ["Batch one", "Batch two"]
    assert made.faults[0].Error[0].code == "6240"
    since = (datetime.now(UTC).date() - timedelta(days=2)).isoformat()
    changed = change_data_capture([Customer, CreditMemo], since, qb=qb)
    assert {"Batch one", "Batch two"} <= {c.DisplayName for c in changed.Customer}


def _named(name: str) -> Customer:
    customer = Customer()
    customer.DisplayName = name
    return customer


def test_error_classes(intuit_served: SimpleNamespace, qb: Any) -> None:
    with pytest.raises(ObjectNotFoundException):
        Invoice.get("999999", qb=qb)
    with pytest.raises(ValidationException):
        Customer.where("Active = true OR Id = '1'", qb=qb)
    twin = _named("Amy's Bird Sanctuary")
    with pytest.raises(QuickbooksException) as refused:
        twin.save(qb=qb)
    assert refused.value.error_code == 6240
    intuit_served.sims.intuit.tokens.expire("access")
    with pytest.raises(AuthorizationException):
        Customer.get("1", qb=qb)
