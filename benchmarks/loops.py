"""The plain loops of the vendors' Python clients: one record per call, as their READMEs show. They block."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from quickbooks import QuickBooks
from quickbooks.objects import Customer
from quickbooks.objects import Invoice as QuickBooksInvoice
from quickbooks.objects.base import Ref
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from xero_python.accounting import AccountingApi
from xero_python.accounting.models import Contact, Contacts, Invoice, Invoices, LineItem
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token

REDIRECT = "http://localhost:9999/callback"
INTUIT = ("sim-intuit-client", "sim-intuit-secret")
XERO = ("sim-xero-client", "sim-xero-secret")
SCOPES = "offline_access accounting.contacts accounting.invoices"
PRICE = Decimal("100.00")


def quickbooks(base: str, company: str, customers: int, invoices: int) -> None:
    """`record.save(qb=client)` for each record; `base` is the simulators' address."""
    with _quickbooks(base, company) as client:
        known = []
        for number in range(customers):
            customer = Customer()
            customer.DisplayName = f"Loop {number}"
            customer.save(qb=client)
            known.append(customer)
        for number in range(invoices):
            line = SalesItemLine()
            line.Amount = PRICE
            line.SalesItemLineDetail = SalesItemLineDetail()
            line.SalesItemLineDetail.ItemRef = Ref()
            line.SalesItemLineDetail.ItemRef.value = "2"
            invoice = QuickBooksInvoice()
            invoice.CustomerRef = known[number % customers].to_ref()
            invoice.DocNumber = f"L-{number}"
            invoice.Line.append(line)
            invoice.save(qb=client)


def xero(base: str, tenant: str, customers: int, invoices: int) -> None:
    """`create_contacts` and `create_invoices` with one element each; `base` is the simulators' address."""
    with _xero(base, tenant) as api:
        known = []
        for number in range(customers):
            made = api.create_contacts(tenant, contacts=Contacts(contacts=[Contact(name=f"Loop {number}")]))
            known.append(made.contacts[0].contact_id)
        for number in range(invoices):
            line = LineItem(description="Work", quantity=1, unit_amount=PRICE, account_code="200", tax_type="NONE")
            invoice = Invoice(
                type="ACCREC",
                contact=Contact(contact_id=known[number % customers]),
                line_items=[line],
                date=date(2026, 11, 2),
                due_date=date(2026, 12, 2),
                invoice_number=f"L-{number}",
                status="AUTHORISED",
            )
            api.create_invoices(tenant, invoices=Invoices(invoices=[invoice]))


@contextmanager
def _quickbooks(base: str, company: str) -> Iterator[Any]:
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the simulator speaks plain HTTP
    auth = AuthClient(*INTUIT, REDIRECT, f"{base}/intuit/.well-known/openid_configuration")
    form = {"user": "admin", "realm": company, "decision": "allow"}
    url = auth.get_authorization_url([Scopes.ACCOUNTING], state_token="bench")
    code = httpx.URL(httpx.post(url, data=form, trust_env=False).headers["location"]).params["code"]
    auth.get_bearer_token(code, realm_id=company)
    client = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=company, minorversion=75)
    client.api_url_v3 = f"{base}/intuit/v3"
    try:
        yield client
    finally:
        client.session.close()
        auth.close()


@contextmanager
def _xero(base: str, tenant: str) -> Iterator[AccountingApi]:
    params = {"response_type": "code", "client_id": XERO[0], "redirect_uri": REDIRECT, "scope": SCOPES, "state": "b"}
    form = {"user": "accountant", "tenant": tenant, "action": "allow"}
    answer = httpx.post(f"{base}/xero/identity/connect/authorize", params=params, data=form, trust_env=False)
    code = httpx.URL(answer.headers["location"]).params["code"]
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    tokens = httpx.post(f"{base}/xero/connect/token", data=body, auth=XERO, trust_env=False).json()
    tokens |= {"scope": tokens["scope"].split(), "expires_at": time.time() + tokens["expires_in"]}
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id=XERO[0], client_secret=XERO[1])),
        oauth2_token_getter=lambda: tokens,
        oauth2_token_saver=tokens.update,
        pool_threads=1,
    )
    try:
        yield AccountingApi(client, base_url=f"{base}/xero/api.xro/2.0")
    finally:
        client.rest_client.pool_manager.clear()
