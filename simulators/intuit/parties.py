"""Customers and vendors (reference 2.10, 3.2). Never deleted, only made inactive."""

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.currency import party_currency
from simulators.intuit.faults import QboFault, duplicate_name
from simulators.intuit.hierarchy import named, place

_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_PEOPLE = ("Customer", "Vendor", "Employee")


def build_customer(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of a customer from its writable ones. Raises QboFault."""
    active = body.get("Active", True)
    name = _name(company, "Customer", body, old)
    if not active and old is not None and company.ledger.customer_balance(old["Id"]):
        raise QboFault("6220", "Cannot deactivate", "The customer has an open balance and cannot be made inactive")
    found = {field: company.resolve(kind, body[field], field)["_ref"] for field, kind in _REFS.items() if field in body}
    at = place(company, "Customer", body, name, "DisplayName", old)
    out = {
        "Taxable": company.us,
        "BillWithParent": False,
        "PreferredDeliveryMethod": "Print",
        **body,
        **found,
        **at.fields("Job"),
        "IsProject": False,
        "CurrencyRef": party_currency(company, body, old),
        "DisplayName": name,
        "PrintOnCheckName": body.get("PrintOnCheckName") or body.get("CompanyName") or name,
        "Active": active,
    }
    if at.parent is not None:
        out["Level"] = at.level
    if company.us:
        out.setdefault("DefaultTaxCodeRef", {"value": "2"})
    return out


def build_vendor(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of a vendor. Raises QboFault."""
    active = body.get("Active", True)
    name = _name(company, "Vendor", body, old)
    if not active and old is not None and company.ledger.vendor_balance(old["Id"]):
        raise QboFault("6220", "Cannot deactivate", "The vendor has an open balance and cannot be made inactive")
    out = {
        "Vendor1099": False,
        **body,
        "CurrencyRef": party_currency(company, body, old),
        "DisplayName": name,
        "PrintOnCheckName": body.get("PrintOnCheckName") or body.get("CompanyName") or name,
        "Active": active,
    }
    if "TermRef" in body:
        out["TermRef"] = company.resolve("Term", body["TermRef"], "TermRef")["_ref"]
    return out


_REFS = {"SalesTermRef": "Term", "PaymentMethodRef": "PaymentMethod", "DefaultTaxCodeRef": "TaxCode"}


def show_customer(company: Company, row: Json) -> Json:
    """A customer as answered: with its balance, and that of its sub-customers."""
    own = company.ledger.customer_balance(row["Id"])
    below = company.tables["Customer"].find("ParentRef", row["Id"])
    jobs = own + sum(show_customer(company, child)["BalanceWithJobs"] for child in below)
    return {**row, "Balance": own, "BalanceWithJobs": jobs}


def show_vendor(company: Company, row: Json) -> Json:
    """A vendor as answered: with what he is owed."""
    return {**row, "Balance": company.ledger.vendor_balance(row["Id"])}


def check_person_name(company: Company, entity: str, name: str, old: Json | None) -> None:
    """Customers, vendors and employees share one set of names. Raises 6240."""
    for other in _PEOPLE:
        for holder in company.tables[other].find("DisplayName", name):
            if old is None or other != entity or holder["Id"] != old["Id"]:
                raise duplicate_name()


def _name(company: Company, entity: str, body: Json, old: Json | None) -> str:
    """The display name, composed from its parts when not given. Raises 6080 and 6240."""
    composed = " ".join(body[part] for part in _NAME_PARTS if part in body)
    name = body.get("DisplayName") or composed or (body.get("CompanyName", "") if old else "")
    if not name:
        detail = "At least one of Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix is required"
        raise QboFault("6080", "No name provided", detail)
    name = named(name, body.get("Active", True), old)
    check_person_name(company, entity, name, old)
    return name
