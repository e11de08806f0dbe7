"""Intuit's own OAuth client and python-quickbooks, unmodified, against the simulator over a real loopback port."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
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

from simulators.app import create_app
from simulators.intuit import CLIENT_ID, CLIENT_SECRET, US_REALM
from simulators.root import Simulators

REDIRECT = "http://localhost:9999/callback"


@pytest.fixture(scope="module")
def served() -> Iterator[SimpleNamespace]:
    sims = Simulators()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(sims), port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started
    yield SimpleNamespace(sims=sims, base=f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(timeout=10)


def connected(base: str) -> Any:
    client = AuthClient(CLIENT_ID, CLIENT_SECRET, REDIRECT, f"{base}/intuit/.well-known/openid_configuration")
    url = client.get_authorization_url([Scopes.ACCOUNTING], state_token="s")
    form = {"user": "admin", "realm": US_REALM, "decision": "allow"}
    back = httpx.post(url, data=form).headers["location"]
    params = httpx.URL(back).params
    client.get_bearer_token(params["code"], realm_id=params["realmId"])
    return client


@pytest.fixture
def auth(served: SimpleNamespace) -> Iterator[Any]:
    client = connected(served.base)
    yield client
    client.close()


@pytest.fixture
def qb(served: SimpleNamespace, auth: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(QuickBooks, "api_url_v3", f"{served.base}/intuit/v3")
    client = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=US_REALM, minorversion=75)
    yield client
    client.session.close()


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


def test_error_classes(served: SimpleNamespace, qb: Any) -> None:
    with pytest.raises(ObjectNotFoundException):
        Invoice.get("999999", qb=qb)
    with pytest.raises(ValidationException):
        Customer.where("Active = true OR Id = '1'", qb=qb)
    twin = _named("Amy's Bird Sanctuary")
    with pytest.raises(QuickbooksException) as refused:
        twin.save(qb=qb)
    assert refused.value.error_code == 6240
    served.sims.intuit.tokens.expire("access")
    with pytest.raises(AuthorizationException):
        Customer.get("1", qb=qb)
