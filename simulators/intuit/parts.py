"""What several transactions share: names on lines, tracking references, links."""

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.currency import Money
from simulators.intuit.faults import QboFault, bad_reference, business

PEOPLE = ("Customer", "Vendor", "Employee")
# Account type -> the kind of name its lines need.
CONTROL = {"Accounts Receivable": "Customer", "Accounts Payable": "Vendor"}
_LISTS = {
    "ClassRef": "Class",
    "DepartmentRef": "Department",
    "PaymentMethodRef": "PaymentMethod",
    "CustomerRef": "Customer",
    "AccountRef": "Account",
}


def ref_of(company: Company, field: str, holder: Json) -> Json:
    """A reference with its name. Raises 2500 and 610."""
    entity = _LISTS[field]
    shown = "DisplayName" if entity == "Customer" else "Name"
    ref: Json = company.resolve(entity, holder[field], field, shown)["_ref"]
    return ref


def refs_of(company: Company, fields: str, holder: Json) -> Json:
    """Those of several references that are given, each with its name."""
    return {field: ref_of(company, field, holder) for field in fields.split() if field in holder}


def person(company: Company, kind: str, ref: Json, field: str) -> Json:
    """The customer, vendor or employee of a reference. Raises 2500 and 610."""
    return company.resolve(kind, ref, field, "DisplayName")


def anyone(company: Company, ref: Json, field: str) -> tuple[str, Json]:
    """(kind, row) of a reference that says its kind in `type`, or leaves it to the id. Raises 2500 and 610."""
    kind = ref.get("type", "").capitalize()
    if kind and kind not in PEOPLE:
        raise QboFault("2170", "Invalid enumeration", f"{field}.type is not a valid enumeration", field)
    for entity in (kind,) if kind else PEOPLE:
        if ref["value"] in company.tables[entity].rows:
            return entity, person(company, entity, ref, field)
    raise bad_reference("Names", ref["value"])


def cannot_link(detail: str) -> QboFault:
    """620: two transactions that cannot be linked."""
    return QboFault("620", "Transaction cannot be linked", detail)


def name_value(name: str, value: str) -> Json:
    """A NameValue as the service writes it in `LineEx.any` and `PurchaseEx.any`."""
    return {
        "name": "{http://schema.intuit.com/finance/v3}NameValue",
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }


def subledger(money: Money, account: Json, party: tuple[str, Json] | None) -> dict[str, str]:
    """Whom a line on a receivable or payable account is about: {"customer": id} or {"vendor": id}; {} elsewhere.

    Raises 6000 without the right kind of name, and when account, name and transaction differ in currency.
    """
    needed = CONTROL.get(account["AccountType"])
    if needed is None:
        return {}
    if party is None or party[0] != needed:
        raise business(f"When you use {account['AccountType']}, you must choose a {needed.lower()} in the Name field.")
    if {account["CurrencyRef"]["value"], party[1]["CurrencyRef"]["value"]} != {money.currency}:
        raise business("The currency of the transaction must be that of the account and of the customer or vendor.")
    return {needed.lower(): party[1]["Id"]}
