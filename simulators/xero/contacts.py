"""Contacts: find, create, update; the name is unique among active contacts whatever its case."""

import re
from collections.abc import Mapping
from dataclasses import replace

from simulators.xero.books import Books, new_id
from simulators.xero.element import Element, RefusedError
from simulators.xero.model import Contact

TEXTS = {
    "FirstName": 255,
    "LastName": 255,
    "EmailAddress": 255,
    "AccountNumber": 50,
    "TaxNumber": 50,
    "CompanyNumber": 50,
    "BankAccountDetails": 255,
    "DefaultCurrency": 3,
    "AccountsReceivableTaxType": 50,
    "AccountsPayableTaxType": 50,
    "SalesDefaultAccountCode": 10,
    "PurchasesDefaultAccountCode": 10,
}
PHONE_SLOTS = ("DDI", "DEFAULT", "FAX", "MOBILE")
PHONE_PARTS = ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")
ADDRESS_SLOTS = ("STREET", "POBOX")
ADDRESS_PARTS = (
    "AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4", "City", "Region", "PostalCode", "Country",
    "AttentionTo",
)  # fmt: skip
ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)
_EMAIL = re.compile(r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$")
_BAD_NAME = re.compile(r"[<>]|^\s|\s$|\s\s")


def save_contact(books: Books, element: Element, *, put: bool, contact_id: str | None = None) -> Contact:
    """Create or update one contact from a request element.

    PUT creates and refuses an existing name; POST without an id updates the contact with that ContactNumber or
    name. Raises RefusedError.
    """
    old = _existing(books, element, contact_id or element.guid("ContactID"), put=put)
    if old is not None and old.status != "ACTIVE" and element.text("ContactStatus") != "ACTIVE":
        raise RefusedError(ARCHIVED)
    base = old or Contact(id=new_id(), name="", updated=books.now)
    fresh = _merged(base, element)
    _check(books, fresh, None if old is None else old.id)
    if fresh == old:
        return fresh
    saved = books.contacts.put(replace(fresh, updated=books.now))
    books.changed("CONTACT", saved.id, created=old is None)
    return saved


def contact_of(books: Books, element: Element | None) -> Contact:
    """The contact of a document: by id, or by name or number, made when the name is new. Raises RefusedError.

    Fields beside the id change the contact, as at Xero.
    """
    if element is None or not (element.guid("ContactID") or element.text("Name") or element.text("ContactNumber")):
        raise RefusedError("A Contact must be specified for this type of transaction")
    found = _existing(books, element, element.guid("ContactID"), put=False)
    if found is not None and found.status == "ARCHIVED":
        raise RefusedError(ARCHIVED)
    return save_contact(books, element, put=False, contact_id=found.id if found else None)


def used_by(books: Books, contact: Contact, *, sale: bool) -> Contact:
    """Mark the contact as customer or supplier; Xero does not bump UpdatedDateUTC for it."""
    if sale and not contact.is_customer:
        return books.contacts.put(replace(contact, is_customer=True))
    if not sale and not contact.is_supplier:
        return books.contacts.put(replace(contact, is_supplier=True))
    return contact


def archive(books: Books, contact: Contact) -> Contact:
    """Archive; allowed with open documents."""
    saved = books.contacts.put(replace(contact, status="ARCHIVED", updated=books.now))
    books.changed("CONTACT", saved.id)
    return saved


def _existing(books: Books, element: Element, wanted: str | None, *, put: bool) -> Contact | None:
    if wanted:
        found = books.contacts.get(wanted)
        if found is None:
            raise RefusedError(f"The contact with ContactID {wanted} could not be found")
        return found
    if put:
        return None
    if (number := element.text("ContactNumber")) and (by_number := books.contacts.find("number", number.lower())):
        return by_number[0]
    name = (element.text("Name") or "").lower()
    by_name = books.contacts.find("name", name)
    return by_name[0] if by_name else None


def _merged(base: Contact, element: Element) -> Contact:
    texts = dict(base.texts)
    for key in TEXTS:
        if (value := element.text(key)) is not None:
            texts[key] = value
    persons = base.persons
    if (sent := element.children("ContactPersons")) is not None:
        persons = tuple(person.raw for person in sent)[:5]
    name, number = element.text("Name"), element.text("ContactNumber")
    return replace(
        base,
        name=base.name if name is None else name,
        number=base.number if number is None else number,
        status=(element.text("ContactStatus") or base.status).upper(),
        texts={key: value for key, value in texts.items() if value != ""},
        addresses=_slots(base.addresses, element, "Addresses", "AddressType", ADDRESS_SLOTS, ADDRESS_PARTS),
        phones=_slots(base.phones, element, "Phones", "PhoneType", PHONE_SLOTS, PHONE_PARTS),
        persons=persons,
    )


def _slots(
    old: Mapping[str, Mapping[str, str]],
    element: Element,
    key: str,
    type_key: str,
    slots: tuple[str, ...],
    parts: tuple[str, ...],
) -> Mapping[str, Mapping[str, str]]:
    """Fixed slots: what is sent is merged into its slot, the other slots stay."""
    merged = {slot: dict(values) for slot, values in old.items()}
    for child in element.children(key) or []:
        slot = (child.text(type_key) or slots[0]).upper()
        if slot not in slots:
            raise RefusedError(f"{type_key} '{slot}' is not valid")
        into = merged.setdefault(slot, {})
        for part in parts:
            if (value := child.text(part)) is not None:
                into[part] = value
    return merged


def _check(books: Books, contact: Contact, own_id: str | None) -> None:
    messages: list[str] = []
    if not contact.name:
        messages.append("The contact name must be specified")
    if len(contact.name) > 255 or _BAD_NAME.search(contact.name):
        messages.append("The contact name must have at most 255 characters and no < >, outer or double spaces")
    if contact.status not in ("ACTIVE", "ARCHIVED"):
        messages.append(f"ContactStatus '{contact.status}' is not valid")
    if contact.status == "ACTIVE" and any(c.id != own_id for c in books.contacts.find("name", contact.name.lower())):
        messages.append(
            f"The contact name {contact.name} is already assigned to another contact. "
            "The contact name must be unique across all active contacts."
        )
    if len(contact.number) > 50:
        messages.append("The Contact Number must be at most 50 characters")
    if contact.number and any(c.id != own_id for c in books.contacts.find("number", contact.number.lower())):
        messages.append(f"The Contact Number {contact.number} is already assigned to another contact")
    for key, limit in TEXTS.items():
        if len(contact.texts.get(key, "")) > limit:
            messages.append(f"{key} must be at most {limit} characters")
    email = contact.texts.get("EmailAddress", "")
    if email and not _EMAIL.match(email):
        messages.append("Email address must be valid")
    if messages:
        raise RefusedError(*messages)
