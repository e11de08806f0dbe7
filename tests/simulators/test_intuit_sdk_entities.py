"""Every entity through python-quickbooks, unmodified; intuit-oauth with OpenID; webhook verification (reference 7)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks.batch import batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import QuickbooksException, UnsupportedException, ValidationException
from quickbooks.objects import (
    Account,
    AccountBasedExpenseLine,
    AccountBasedExpenseLineDetail,
    Class,
    CreditMemo,
    Customer,
    Department,
    Deposit,
    DepositLine,
    DepositLineDetail,
    Employee,
    Entity,
    Invoice,
    Item,
    JournalEntry,
    JournalEntryLine,
    JournalEntryLineDetail,
    LinkedTxn,
    Payment,
    PaymentMethod,
    Preferences,
    Purchase,
    Ref,
    SalesItemLine,
    SalesItemLineDetail,
    TaxAgency,
    TaxCode,
    TaxRate,
    TaxRateDetails,
    TaxService,
    Term,
    Transfer,
    Vendor,
)

from simulators.core.webhooks import sign
from simulators.intuit import CLIENT_ID, CLIENT_SECRET, US_REALM


def ref(value: str, kind: str = "") -> Any:
    out = Ref()
    out.value, out.type = value, kind
    return out


def named(kind: Any, name: str, field: str = "Name", **fields: Any) -> Any:
    out = kind()
    setattr(out, field, name)
    for key, value in fields.items():
        setattr(out, key, value)
    return out


def sale(amount: str) -> Any:
    line = SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = ref("1")
    return line


def side(posting: str, account: str, amount: str, customer: str | None = None) -> Any:
    line = JournalEntryLine()
    line.Amount = amount
    line.JournalEntryLineDetail = JournalEntryLineDetail()
    line.JournalEntryLineDetail.PostingType = posting
    line.JournalEntryLineDetail.AccountRef = ref(account)
    if customer:
        line.JournalEntryLineDetail.Entity = Entity()
        line.JournalEntryLineDetail.Entity.Type = "Customer"
        line.JournalEntryLineDetail.Entity.EntityRef = ref(customer)
    return line


@pytest.mark.parametrize(
    ("kind", "field", "fields"),
    [
        (Customer, "DisplayName", {}),
        (Vendor, "DisplayName", {}),
        (Account, "Name", {"AccountType": "Bank", "AccountSubType": "Checking"}),
        (Item, "Name", {"Type": "Service", "IncomeAccountRef": ref("79")}),
        (Class, "Name", {}),
        (Department, "Name", {}),
        (Term, "Name", {"DueDays": 7}),
        (PaymentMethod, "Name", {}),
    ],
)
def test_name_lists(qb: Any, kind: Any, field: str, fields: dict[str, Any]) -> None:
    name = f"SDK {kind.__name__}"
    made = named(kind, name, field, **fields).save(qb=qb)
    assert made.SyncToken == "0"
    assert getattr(kind.get(made.Id, qb=qb), field) == name
    assert [row.Id for row in kind.filter(**{field: name}, qb=qb)] == [made.Id]
    setattr(made, field, f"{name} 2")
    changed = made.save(qb=qb)
    assert (changed.SyncToken, getattr(changed, field)) == ("1", f"{name} 2")
    changed.Active = False
    assert changed.save(qb=qb).Active is False
    assert kind.filter(**{field: f"{name} 2"}, qb=qb) == []


def test_reading_what_is_seeded(qb: Any) -> None:
    assert {e.DisplayName for e in Employee.all(qb=qb)} == {"John Johnson", "Emily Platt"}
    assert TaxCode.get("2", qb=qb).SalesTaxRateList.TaxRateDetail[0].TaxRateRef.value == "3"
    assert {r.RateValue for r in TaxRate.all(qb=qb)} >= {8, 2}
    assert Preferences.get(qb=qb).CurrencyPrefs.HomeCurrency.value == "USD"


def test_tax_service(qb: Any) -> None:
    agency = named(TaxAgency, "SDK office", "DisplayName").save(qb=qb)
    rate = named(TaxRateDetails, "SDK rate", "TaxRateName", RateValue="5", TaxAgencyId=agency.Id)
    service = named(TaxService, "SDK code", "TaxCode")
    service.TaxRateDetails.append(rate)
    service.save(qb=qb)
    assert TaxCode.filter(Name="SDK code", qb=qb)[0].SalesTaxRateList.TaxRateDetail


def test_journal_entry(qb: Any) -> None:
    entry = JournalEntry()
    entry.Line = [side("Debit", "84", "12.34", "1"), side("Credit", "1", "12.34")]
    entry = entry.save(qb=qb, params={"include": "autodocnumber"})
    assert (entry.Line[0].Id, entry.DocNumber) == ("0", "1")
    entry.PrivateNote = "moved"
    entry = entry.save(qb=qb)
    assert JournalEntry.get(entry.Id, qb=qb).PrivateNote == "moved"
    entry.Line[0].Amount = "1"
    with pytest.raises(ValidationException) as refused:
        entry.save(qb=qb)
    assert refused.value.error_code == 2300
    entry.delete(qb=qb)
    with pytest.raises(QuickbooksException):
        JournalEntry.get(entry.Id, qb=qb)


def test_purchase_and_transfer(qb: Any) -> None:
    line = AccountBasedExpenseLine()
    line.Amount = "34.00"
    line.DetailType = "AccountBasedExpenseLineDetail"
    line.AccountBasedExpenseLineDetail = AccountBasedExpenseLineDetail()
    line.AccountBasedExpenseLineDetail.AccountRef = ref("55")
    purchase = Purchase()
    purchase.PaymentType = "CreditCard"
    purchase.AccountRef = ref("41")
    purchase.EntityRef = ref("56", "Vendor")
    purchase.Line = [line]
    purchase = purchase.save(qb=qb)
    assert (purchase.TotalAmt, purchase.EntityRef.type) == (34, "Vendor")
    purchase.PrivateNote = "x"
    assert purchase.save(qb=qb).SyncToken == "1"
    transfer = Transfer()
    transfer.FromAccountRef, transfer.ToAccountRef, transfer.Amount = ref("35"), ref("36"), "5.00"
    transfer = transfer.save(qb=qb)
    assert Transfer.get(transfer.Id, qb=qb).Amount == 5
    transfer.delete(qb=qb)


def test_invoice_payment_deposit_and_credit(qb: Any) -> None:
    customer = named(Customer, "SDK payer", "DisplayName").save(qb=qb)
    invoice = Invoice()
    invoice.CustomerRef, invoice.Line = customer.to_ref(), [sale("150")]
    invoice = invoice.save(qb=qb)
    payment = Payment()
    payment.CustomerRef, payment.TotalAmt = customer.to_ref(), "150"
    payment = payment.save(qb=qb)
    lines = [DepositLine(), DepositLine()]
    link = LinkedTxn()
    link.TxnId, link.TxnType = payment.Id, "Payment"
    lines[0].Amount, lines[0].LinkedTxn = "150", [link]
    lines[1].Amount, lines[1].DepositLineDetail = "9.50", DepositLineDetail()
    lines[1].DepositLineDetail.AccountRef = ref("1")
    deposit = Deposit()
    deposit.DepositToAccountRef, deposit.Line = ref("35"), lines
    deposit = deposit.save(qb=qb)
    assert Decimal(str(deposit.TotalAmt)) == Decimal("159.5")
    payment = Payment.get(payment.Id, qb=qb)
    with pytest.raises(QuickbooksException) as kept:
        payment.void(qb=qb)
    assert kept.value.error_code == 6540
    memo = CreditMemo()
    memo.CustomerRef, memo.Line = customer.to_ref(), [sale("10")]
    memo = memo.save(qb=qb)
    assert memo.RemainingCredit == 10
    assert invoice.send(qb=qb, send_to="ap@example.com")["Invoice"]["EmailStatus"] == "EmailSent"
    deposit.delete(qb=qb)
    Payment.get(payment.Id, qb=qb).void(qb=qb)


def test_batch_update_delete_paging_and_deletions_in_cdc(qb: Any) -> None:
    customer = named(Customer, "SDK batch", "DisplayName").save(qb=qb)
    invoices = []
    for _ in range(3):
        invoice = Invoice()
        invoice.CustomerRef, invoice.Line = customer.to_ref(), [sale("5")]
        invoices.append(invoice.save(qb=qb))
    where = f"CustomerRef = '{customer.Id}'"
    pages = [Invoice.where(where, order_by="Id", start_position=n, max_results=2, qb=qb) for n in (1, 3, 5)]
    assert [len(page) for page in pages] == [2, 1, 0]
    for invoice in invoices:
        invoice.PrivateNote = "again"
    assert len(batch_update(invoices, qb=qb).successes) == 3
    fresh = Invoice.where(where, order_by="Id", qb=qb)
    assert {i.PrivateNote for i in fresh} == {"again"}
    gone = batch_delete(fresh[:2], qb=qb)
    assert (len(gone.successes), gone.faults) == (2, [])
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    changed = change_data_capture([Invoice], since, qb=qb)
    statuses = {row.Id: getattr(row, "status", "") for row in changed.Invoice}
    assert {statuses[i.Id] for i in fresh[:2]} == {"Deleted"}


def test_a_query_statement_and_unsupported_operations(qb: Any) -> None:
    assert qb.query("select count(*) from Account")["QueryResponse"]["totalCount"] > 10
    customer = Customer.get("2", qb=qb)
    with pytest.raises(UnsupportedException):
        qb.delete_object("Customer", f'{{"Id":"{customer.Id}","SyncToken":"{customer.SyncToken}"}}')


def test_throttling_reaches_the_client_as_xml(intuit_served: SimpleNamespace, qb: Any) -> None:
    fault = {"provider": "intuit", "path": "/customer", "kind": "preset", "preset": "throttled"}
    httpx.post(f"{intuit_served.base}/_sim/faults", json=fault).raise_for_status()
    with pytest.raises(QuickbooksException) as refused:
        Customer.get("2", qb=qb)
    assert refused.value.error_code == 10000


def test_webhook_signature_is_what_the_client_verifies(qb: Any) -> None:
    body = '[{"specversion":"1.0","type":"qbo.invoice.voided.v1"}]'
    assert qb.validate_webhook_signature(body, sign(body.encode(), "verifier"), "verifier")
    assert not qb.validate_webhook_signature(body, sign(body.encode(), "other"), "verifier")


def test_openid_with_the_vendors_client(intuit_served: SimpleNamespace) -> None:
    discovery = f"{intuit_served.base}/intuit/.well-known/openid_configuration"
    client = AuthClient(CLIENT_ID, CLIENT_SECRET, "http://localhost:9999/callback", discovery)
    url = client.get_authorization_url([Scopes.ACCOUNTING, Scopes.OPENID, Scopes.EMAIL], state_token="s")
    form = {"user": "admin", "realm": US_REALM, "decision": "allow"}
    code = httpx.URL(httpx.post(url, data=form).headers["location"]).params["code"]
    client.get_bearer_token(code, realm_id=US_REALM)
    # The client keeps an id token only after it has checked its signature against the published key.
    assert client.id_token.count(".") == 2
    assert client.get_user_info().json()["email"] == "alex@example.com"
    client.revoke()
    with pytest.raises(AuthClientError):
        client.get_user_info()
    client.close()
