"""Contacts and contact groups as Xero's JSON."""

from simulators.core.http import Json
from simulators.xero.books import Books
from simulators.xero.contacts import ADDRESS_PARTS, ADDRESS_SLOTS, PHONE_PARTS, PHONE_SLOTS
from simulators.xero.dates import moment_out
from simulators.xero.model import ZERO, Contact
from simulators.xero.model_lists import ContactGroup


def contact(books: Books, record: Contact, *, full: bool) -> Json:
    """A contact; `full` (paged or by id) adds the open balances."""
    out: Json = {"ContactID": record.id}
    if record.number:
        out["ContactNumber"] = record.number
    out |= {"ContactStatus": record.status, "Name": record.name, "EmailAddress": ""}
    out |= record.texts
    out["Addresses"] = [
        {"AddressType": slot} | {part: record.addresses.get(slot, {}).get(part, "") for part in ADDRESS_PARTS}
        for slot in ADDRESS_SLOTS
    ]
    out["Phones"] = [
        {"PhoneType": slot} | {part: record.phones.get(slot, {}).get(part, "") for part in PHONE_PARTS}
        for slot in PHONE_SLOTS
    ]
    out |= {
        "UpdatedDateUTC": moment_out(record.updated),
        "ContactGroups": [contact_group_stub(group) for group in books.groups.find("contact", record.id)],
        "IsSupplier": record.is_supplier,
        "IsCustomer": record.is_customer,
        "ContactPersons": list(record.persons),
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    if record.merged_into:
        out["MergedToContactID"] = record.merged_into
    if full:
        out["Balances"] = _balances(books, record)
    return out


def contact_stub(books: Books, contact_id: str) -> Json:
    """A contact inside another element."""
    record = books.contacts.rows[contact_id]
    return {"ContactID": record.id, "Name": record.name, "HasValidationErrors": False}


def contact_group_stub(group: ContactGroup) -> Json:
    """A group without its contacts."""
    return {
        "ContactGroupID": group.id, "Name": group.name, "Status": group.status, "Contacts": [],
        "HasValidationErrors": False,
    }  # fmt: skip


def contact_group(books: Books, group: ContactGroup, *, full: bool) -> Json:
    """A group; its contacts come by id only."""
    shown = [contact_stub(books, key) for key in group.contacts] if full else []
    return contact_group_stub(group) | {"Contacts": shown}


def _balances(books: Books, record: Contact) -> Json:
    sides = {"AccountsReceivable": [ZERO, ZERO], "AccountsPayable": [ZERO, ZERO]}
    for doc in books.documents.find("contact", record.id):
        if doc.status != "AUTHORISED":
            continue
        side = sides["AccountsReceivable" if doc.sale else "AccountsPayable"]
        amount = doc.due_amount if doc.kind == "invoice" else -doc.due_amount
        side[0] += amount
        if doc.kind == "invoice" and doc.due is not None and doc.due < books.today:
            side[1] += amount
    for over in books.overpayments.find("contact", record.id):
        if over.status == "AUTHORISED":
            sides["AccountsReceivable" if over.sale else "AccountsPayable"][0] -= over.remaining
    return {name: {"Outstanding": open_, "Overdue": late} for name, (open_, late) in sides.items()}
