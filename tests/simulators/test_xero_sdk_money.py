"""Xero's own Python client on everything beside contacts and invoices: money, journals, lists and failures."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from xero_python.accounting.models import (
    Account,
    Accounts,
    AccountType,
    Allocation,
    Allocations,
    BankTransaction,
    BankTransactions,
    BankTransfer,
    BankTransferDeleteByUrlParam,
    BankTransfers,
    Contact,
    ContactGroup,
    ContactGroups,
    Contacts,
    CreditNote,
    CreditNotes,
    Currency,
    CurrencyCode,
    Invoice,
    Invoices,
    Item,
    Items,
    LineItem,
    LineItemTracking,
    ManualJournal,
    ManualJournalLine,
    ManualJournals,
    Payment,
    Payments,
    Prepayment,
    Purchase,
    TaxComponent,
    TaxRate,
    TaxRates,
    TrackingCategory,
    TrackingOption,
)
from xero_python.exceptions import AccountingBadRequestException
from xero_python.exceptions.http_status_exceptions import HTTPStatusException, NotFoundException

from simulators.core.faults import Fault
from simulators.xero import TENANT_NZ as NZ
from tests.simulators.test_xero_bank import ALL
from tests.simulators.xero_served import Served, connected

DAY = date(2026, 11, 20)
MISSING = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with connected(monkeypatch, ALL) as served:
        yield served


def contact(sdk: Served, name: str = "Pier 7 Cafe") -> Contact:
    made = sdk.api.create_contacts(NZ, Contacts(contacts=[Contact(name=name)])).contacts[0]
    return Contact(contact_id=made.contact_id)


def line(amount: object = 100, code: str = "200", **fields: object) -> LineItem:
    return LineItem(description="Plan", quantity=1, unit_amount=amount, account_code=code, **fields)


def invoice(sdk: Served, who: Contact, amount: object = 100) -> Invoice:
    sale = Invoice(
        type="ACCREC", contact=who, line_items=[line(amount, tax_type="NONE")], date=DAY, due_date=DAY,
        status="AUTHORISED",
    )  # fmt: skip
    return sdk.api.create_invoices(NZ, Invoices(invoices=[sale])).invoices[0]


def test_bank_transactions_and_prepayments(sdk: Served) -> None:
    who = contact(sdk)
    bank = Account(code="090")

    def received(kind: str) -> BankTransaction:
        sent = BankTransaction(type=kind, contact=who, line_items=[line(115)], bank_account=bank, date=DAY)
        return sdk.api.create_bank_transactions(NZ, BankTransactions(bank_transactions=[sent])).bank_transactions[0]

    plain = received("RECEIVE")
    assert (plain.line_amount_types.value, plain.total_tax, plain.status) == ("Inclusive", 15, "AUTHORISED")
    changed = BankTransactions(
        bank_transactions=[BankTransaction(type="RECEIVE", line_items=[line(230)], bank_account=bank)]
    )
    assert sdk.api.update_bank_transaction(NZ, plain.bank_transaction_id, changed).bank_transactions[0].total == 230
    prepaid = received("RECEIVE-PREPAYMENT").prepayment_id
    over = received("RECEIVE-OVERPAYMENT").overpayment_id
    sale = Invoice(invoice_id=invoice(sdk, who).invoice_id)
    share = Allocations(allocations=[Allocation(invoice=sale, amount=60, date=DAY)])
    rest = Allocations(allocations=[Allocation(invoice=sale, amount=40, date=DAY)])
    made = sdk.api.create_prepayment_allocations(NZ, prepaid, share).allocations[0]
    other = sdk.api.create_overpayment_allocations(NZ, over, rest).allocations[0]
    paid = sdk.api.get_invoice(NZ, sale.invoice_id).invoices[0]
    assert (paid.status, paid.amount_credited, paid.prepayments[0].prepayment_id) == ("PAID", 100, prepaid)
    refund = Payment(prepayment=Prepayment(prepayment_id=prepaid), account=bank, date=DAY, amount=55)
    assert sdk.api.create_payments(NZ, Payments(payments=[refund])).payments[0].payment_type == "ARPREPAYMENTPAYMENT"
    assert sdk.api.get_prepayment(NZ, prepaid).prepayments[0].status == "PAID"
    assert sdk.api.delete_prepayment_allocations(NZ, prepaid, made.allocation_id).is_deleted is True
    assert sdk.api.delete_overpayment_allocations(NZ, over, other.allocation_id).is_deleted is True
    listed = sdk.api.get_prepayments(NZ, page=1, where='Type=="RECEIVE-PREPAYMENT"').prepayments
    assert [p.remaining_credit for p in listed] == [60]
    assert sdk.api.get_overpayments(NZ, page=1).overpayments[0].remaining_credit == 115
    assert len(sdk.api.get_bank_transactions(NZ, order="Total DESC", page=1).bank_transactions) == 3


def test_credit_notes_are_unallocated(sdk: Served) -> None:
    who = contact(sdk)
    sale = Invoice(invoice_id=invoice(sdk, who).invoice_id)
    note = CreditNote(type="ACCRECCREDIT", contact=who, status="AUTHORISED", line_items=[line(10)], date=DAY)
    made = sdk.api.create_credit_notes(NZ, CreditNotes(credit_notes=[note])).credit_notes[0]
    share = Allocations(allocations=[Allocation(invoice=sale, amount=10, date=DAY)])
    used = sdk.api.create_credit_note_allocation(NZ, made.credit_note_id, share).allocations[0]
    assert sdk.api.get_credit_note(NZ, made.credit_note_id).credit_notes[0].remaining_credit == Decimal("1.50")
    assert sdk.api.delete_credit_note_allocations(NZ, made.credit_note_id, used.allocation_id).is_deleted is True
    voided = sdk.api.update_credit_note(
        NZ, made.credit_note_id, CreditNotes(credit_notes=[CreditNote(status="VOIDED")])
    )
    assert voided.credit_notes[0].status == "VOIDED"
    assert sdk.api.get_credit_notes(NZ, page=1).credit_notes[0].credit_note_number == "CN-0001"


def test_manual_journals_and_transfers(sdk: Served) -> None:
    lines = [ManualJournalLine(line_amount=Decimal("100.10"), account_code="830")]
    lines.append(ManualJournalLine(line_amount=Decimal("-100.10"), account_code="200"))
    sent = ManualJournal(narration="RevRec", date=DAY, status="POSTED", journal_lines=lines)
    made = sdk.api.create_manual_journals(
        NZ, ManualJournals(manual_journals=[sent]), summarize_errors=False
    ).manual_journals[0]
    assert (made.status_attribute_string, made.line_amount_types.value, made.date) == ("OK", "NoTax", DAY)
    lines[1].line_amount = Decimal(-10)
    with pytest.raises(AccountingBadRequestException) as unbalanced:
        sdk.api.create_manual_journals(NZ, ManualJournals(manual_journals=[sent]))
    assert unbalanced.value.reason == "The total debits (100.10) must equal total credits (-10.00)"
    void = ManualJournals(manual_journals=[ManualJournal(narration="RevRec", status="VOIDED")])
    assert sdk.api.update_manual_journal(NZ, made.manual_journal_id, void).manual_journals[0].status == "VOIDED"
    assert len(sdk.api.get_manual_journals(NZ, page=1).manual_journals[0].journal_lines) == 2
    move = BankTransfer(from_bank_account=Account(code="090"), to_bank_account=Account(code="091"), amount=5, date=DAY)
    moved = sdk.api.create_bank_transfer(NZ, BankTransfers(bank_transfers=[move])).bank_transfers[0]
    gone = sdk.api.delete_bank_transfer(NZ, moved.bank_transfer_id, BankTransferDeleteByUrlParam(status="DELETED"))
    assert gone.bank_transfers[0].status == "DELETED"
    assert sdk.api.get_bank_transfers(NZ, include_deleted=True).bank_transfers[0].amount == 5


def test_accounts_taxes_items_and_currencies(sdk: Served) -> None:
    fees = Account(code="201", name="Fees", type=AccountType.REVENUE, tax_type="OUTPUT2")
    made = sdk.api.create_account(NZ, fees).accounts[0]
    renamed = sdk.api.update_account(NZ, made.account_id, Accounts(accounts=[Account(name="Fees 2")])).accounts[0]
    assert (renamed.code, renamed.name, renamed._class) == ("201", "Fees 2", "REVENUE")
    gone = sdk.api.update_account(NZ, made.account_id, Accounts(accounts=[Account(status="ARCHIVED")])).accounts[0]
    assert gone.status == "ARCHIVED"
    spare = sdk.api.create_account(NZ, Account(code="202", name="Spare", type=AccountType.EXPENSE)).accounts[0]
    assert sdk.api.delete_account(NZ, spare.account_id).accounts[0].status == "DELETED"
    parts = [TaxComponent(name="State", rate=Decimal("7.5"))]
    rate = TaxRates(tax_rates=[TaxRate(name="State tax", tax_components=parts, report_tax_type="OUTPUT")])
    assert sdk.api.create_tax_rates(NZ, rate).tax_rates[0].effective_rate == Decimal("7.5000")
    rate.tax_rates[0].status = "DELETED"
    assert sdk.api.update_tax_rate(NZ, rate).tax_rates[0].status == "DELETED"
    mug = Item(code="MUG", name="Mug", sales_details=Purchase(unit_price=Decimal("12.3456"), account_code="200"))
    item = sdk.api.create_items(NZ, Items(items=[mug]), unitdp=4).items[0]
    assert item.sales_details.unit_price == Decimal("12.3456")
    assert sdk.api.update_item(NZ, item.item_id, Items(items=[Item(code="MUG", name="Cup")])).items[0].name == "Cup"
    sdk.api.delete_item(NZ, item.item_id)
    added = sdk.api.create_currency(NZ, Currency(code=CurrencyCode.EUR)).currencies
    assert [c.code.value for c in added] == ["NZD", "USD", "AUD", "EUR"]
    assert sdk.api.get_users(NZ).users[0].organisation_role == "FINANCIALADVISER"
    assert sdk.api.get_organisation_actions(NZ).actions[0].status == "ALLOWED"


def test_tracking_and_groups(sdk: Served) -> None:
    team = sdk.api.create_tracking_category(NZ, TrackingCategory(name="Team")).tracking_categories[0]
    key = team.tracking_category_id
    red = sdk.api.create_tracking_options(NZ, key, TrackingOption(name="Red")).options[0].tracking_option_id
    assert sdk.api.update_tracking_options(NZ, key, red, TrackingOption(name="Rot")).options[0].name == "Rot"
    who = contact(sdk)
    tracked = line(tracking=[LineItemTracking(name="Team", option="rot")])
    sale = Invoice(type="ACCREC", contact=who, line_items=[tracked], date=DAY, due_date=DAY)
    made = sdk.api.create_invoices(NZ, Invoices(invoices=[sale])).invoices[0]
    assert made.line_items[0].tracking[0].tracking_option_id == red
    blue = sdk.api.create_tracking_options(NZ, key, TrackingOption(name="Blue")).options[0].tracking_option_id
    assert sdk.api.delete_tracking_options(NZ, key, blue).options[0].status == "DELETED"
    archived = TrackingCategory(status="ARCHIVED")
    assert sdk.api.update_tracking_category(NZ, key, archived).tracking_categories[0].status == "ARCHIVED"
    assert len(sdk.api.get_tracking_categories(NZ, include_archived="True").tracking_categories) == 2
    group = sdk.api.create_contact_group(NZ, ContactGroups(contact_groups=[ContactGroup(name="VIP")])).contact_groups[0]
    sdk.api.create_contact_group_contacts(NZ, group.contact_group_id, Contacts(contacts=[who]))
    inside = sdk.api.get_contact_group(NZ, group.contact_group_id).contact_groups[0].contacts
    assert [c.contact_id for c in inside] == [who.contact_id]
    sdk.api.delete_contact_group_contact(NZ, group.contact_group_id, who.contact_id)
    sdk.api.delete_contact_group_contacts(NZ, group.contact_group_id)


def test_the_classes_of_failure(sdk: Served) -> None:
    with pytest.raises(NotFoundException):
        sdk.api.get_manual_journal(NZ, MISSING)
    with pytest.raises(HTTPStatusException) as premium:
        sdk.api.get_journals(NZ)
    assert premium.value.status == 401
    sdk.faults.add(Fault("xero", "(?i)/contacts", "preset", preset="server_error"))
    with pytest.raises(HTTPStatusException) as broken:
        sdk.api.get_contacts(NZ)
    assert broken.value.status == 500
    # The client knows a closed list of values, so each call above proves that ours are real ones.
    body = '{"Organisations": [{"Name": "A", "Class": "ULTRA_NEW"}]}'
    headers = {"Content-Type": "application/json"}
    sdk.faults.add(Fault("xero", "(?i)/organisation", "status", status=200, headers=headers, body=body))
    with pytest.raises(ValueError, match="ULTRA_NEW"):
        sdk.api.get_organisations(NZ)
    sdk.faults.add(Fault("xero", "/connect/token", "preset", preset="invalid_grant"))
    with pytest.raises(HTTPStatusException) as dead:
        sdk.client.refresh_oauth2_token()
    assert (dead.value.status, b"invalid_grant" in dead.value.body) == (400, True)
