"""What can be filtered and ordered by, per entity: wire name in lower case to a getter."""

from collections.abc import Callable

from simulators.xero.books import Books
from simulators.xero.model import Account, Contact, Document, Item, TaxRate
from simulators.xero.model_cash import BankTransaction, BankTransfer, Credit, ManualJournal, Payment
from simulators.xero.model_lists import ContactGroup, TrackingCategory
from simulators.xero.where import Value

DocumentFields = dict[str, Callable[[Document], Value]]


def document_fields(books: Books) -> DocumentFields:
    """Invoices and credit notes."""

    def contact(doc: Document) -> Contact:
        return books.contacts.rows[doc.contact_id]

    return {
        "invoiceid": lambda d: d.id,
        "creditnoteid": lambda d: d.id,
        "invoicenumber": lambda d: d.number or None,
        "creditnotenumber": lambda d: d.number or None,
        "type": lambda d: d.type,
        "status": lambda d: d.status,
        "reference": lambda d: d.reference or None,
        "date": lambda d: d.date,
        "duedate": lambda d: d.due,
        "fullypaidondate": lambda d: d.fully_paid_on,
        "currencycode": lambda d: d.currency,
        "subtotal": lambda d: d.subtotal,
        "totaltax": lambda d: d.tax,
        "total": lambda d: d.total,
        "amountdue": lambda d: d.due_amount,
        "amountpaid": lambda d: d.paid,
        "amountcredited": lambda d: d.credited,
        "remainingcredit": lambda d: d.due_amount,
        "senttocontact": lambda d: d.sent,
        "updateddateutc": lambda d: d.updated,
        "contact.contactid": lambda d: d.contact_id,
        "contact.name": lambda d: contact(d).name,
        "contact.contactnumber": lambda d: contact(d).number or None,
    }


def payment_fields(books: Books) -> dict[str, Callable[[Payment], Value]]:
    """Payments; `Invoice.…` reads the document paid."""

    def invoice(payment: Payment) -> Document | None:
        return books.documents.get(payment.target_id)

    return {
        "paymentid": lambda p: p.id,
        "paymenttype": lambda p: p.type,
        "status": lambda p: p.status,
        "date": lambda p: p.date,
        "amount": lambda p: p.amount,
        "reference": lambda p: p.reference or None,
        "isreconciled": lambda p: p.reconciled,
        "updateddateutc": lambda p: p.updated,
        "account.accountid": lambda p: p.account_id,
        "account.code": lambda p: books.accounts.rows[p.account_id].code,
        "invoice.invoiceid": lambda p: p.target_id if p.target_kind == "invoice" else None,
        "invoice.invoicenumber": lambda p: doc.number if (doc := invoice(p)) else None,
        "invoice.contact.contactid": lambda p: doc.contact_id if (doc := invoice(p)) else None,
    }


def credit_fields(books: Books) -> dict[str, Callable[[Credit], Value]]:
    """Overpayments and prepayments."""
    return {
        "overpaymentid": lambda o: o.id,
        "prepaymentid": lambda o: o.id,
        "type": lambda o: o.type,
        "status": lambda o: o.status,
        "date": lambda o: o.date,
        "total": lambda o: o.total,
        "remainingcredit": lambda o: o.remaining,
        "appliedamount": lambda o: o.allocated,
        "currencycode": lambda o: o.currency,
        "reference": lambda o: o.reference or None,
        "updateddateutc": lambda o: o.updated,
        "contact.contactid": lambda o: o.contact_id,
        "contact.name": lambda o: books.contacts.rows[o.contact_id].name,
    }


def bank_fields(books: Books) -> dict[str, Callable[[BankTransaction], Value]]:
    """Bank transactions; transfers have no contact."""

    def contact(record: BankTransaction) -> Contact | None:
        return books.contacts.get(record.contact_id)

    return {
        "banktransactionid": lambda t: t.id,
        "type": lambda t: t.type,
        "status": lambda t: t.status,
        "date": lambda t: t.date,
        "reference": lambda t: t.reference or None,
        "isreconciled": lambda t: t.reconciled,
        "currencycode": lambda t: t.currency,
        "subtotal": lambda t: t.subtotal,
        "totaltax": lambda t: t.tax,
        "total": lambda t: t.total,
        "updateddateutc": lambda t: t.updated,
        "bankaccount.accountid": lambda t: t.account_id,
        "bankaccount.code": lambda t: books.accounts.rows[t.account_id].code or None,
        "contact.contactid": lambda t: t.contact_id or None,
        "contact.name": lambda t: found.name if (found := contact(t)) else None,
    }


TRANSFER_FIELDS: dict[str, Callable[[BankTransfer], Value]] = {
    "banktransferid": lambda t: t.id,
    "amount": lambda t: t.amount,
    "date": lambda t: t.date,
    "reference": lambda t: t.reference or None,
    "status": lambda t: t.status,
    "createddateutc": lambda t: t.created,
    "updateddateutc": lambda t: t.updated,
    "frombankaccount.accountid": lambda t: t.from_id,
    "tobankaccount.accountid": lambda t: t.to_id,
    "hasattachments": lambda _: False,
}
JOURNAL_FIELDS: dict[str, Callable[[ManualJournal], Value]] = {
    "manualjournalid": lambda j: j.id,
    "narration": lambda j: j.narration,
    "date": lambda j: j.date,
    "status": lambda j: j.status,
    "lineamounttypes": lambda j: j.amounts,
    "showoncashbasisreports": lambda j: j.cash_basis,
    "updateddateutc": lambda j: j.updated,
}
TRACKING_FIELDS: dict[str, Callable[[TrackingCategory], Value]] = {
    "trackingcategoryid": lambda c: c.id,
    "name": lambda c: c.name,
    "status": lambda c: c.status,
}
GROUP_FIELDS: dict[str, Callable[[ContactGroup], Value]] = {
    "contactgroupid": lambda g: g.id,
    "name": lambda g: g.name,
    "status": lambda g: g.status,
}
CONTACT_FIELDS: dict[str, Callable[[Contact], Value]] = {
    "contactid": lambda c: c.id,
    "name": lambda c: c.name,
    "contactnumber": lambda c: c.number or None,
    "contactstatus": lambda c: c.status,
    "emailaddress": lambda c: c.texts.get("EmailAddress"),
    "accountnumber": lambda c: c.texts.get("AccountNumber"),
    "taxnumber": lambda c: c.texts.get("TaxNumber"),
    "firstname": lambda c: c.texts.get("FirstName"),
    "lastname": lambda c: c.texts.get("LastName"),
    "iscustomer": lambda c: c.is_customer,
    "issupplier": lambda c: c.is_supplier,
    "updateddateutc": lambda c: c.updated,
}
ACCOUNT_FIELDS: dict[str, Callable[[Account], Value]] = {
    "accountid": lambda a: a.id,
    "code": lambda a: a.code or None,
    "name": lambda a: a.name,
    "type": lambda a: a.type,
    "class": lambda a: a.account_class,
    "status": lambda a: a.status,
    "taxtype": lambda a: a.tax_type,
    "systemaccount": lambda a: a.system or None,
    "enablepaymentstoaccount": lambda a: a.payments,
    "updateddateutc": lambda a: a.updated,
}
TAX_FIELDS: dict[str, Callable[[TaxRate], Value]] = {
    "name": lambda t: t.name,
    "taxtype": lambda t: t.id,
    "status": lambda t: t.status,
    "effectiverate": lambda t: t.rate,
}
ITEM_FIELDS: dict[str, Callable[[Item], Value]] = {
    "itemid": lambda i: i.id,
    "code": lambda i: i.code,
    "name": lambda i: i.name or None,
    "issold": lambda i: i.sold,
    "ispurchased": lambda i: i.purchased,
    "updateddateutc": lambda i: i.updated,
}
