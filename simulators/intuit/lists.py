"""Name lists: customers, accounts, items (reference 3.2, 3.7, 3.8). Never deleted, only made inactive."""

from simulators.core.http import Json
from simulators.intuit.account_types import KINDS, SINGLE, type_of_subtype
from simulators.intuit.company import Company
from simulators.intuit.faults import NotSimulated, QboFault, bad_reference, bad_value, business, duplicate_name, missing

_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_DELETED = " (deleted)"
_MAX_LEVEL = 4


def build_customer(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of a customer from its writable ones. Raises QboFault."""
    composed = " ".join(body[part] for part in _NAME_PARTS if part in body)
    name = body.get("DisplayName") or composed or (body.get("CompanyName", "") if old else "")
    if not name:
        detail = "At least one of Title, GivenName, MiddleName, FamilyName, DisplayName, Suffix is required"
        raise QboFault("6080", "No name provided", detail)
    active = body.get("Active", True)
    name = _named(name, active, old)
    if not active and old is not None and company.ledger.customer_balance(old["Id"]):
        raise QboFault("6220", "Cannot deactivate", "The customer has an open balance and cannot be made inactive")
    _check_person_name(company, name, old)
    for field in ("SalesTermRef", "PaymentMethodRef"):
        if field in body:
            raise bad_reference(field.removesuffix("Ref") + "s", body[field]["value"])
    if "DefaultTaxCodeRef" in body:
        company.resolve("TaxCode", body["DefaultTaxCodeRef"], "DefaultTaxCodeRef")
    full, level, parent = _place(company, "Customer", body, name, "DisplayName", old)
    out = {
        "Taxable": company.us,
        "BillWithParent": False,
        "PreferredDeliveryMethod": "Print",
        **body,
        "Job": parent is not None,
        "IsProject": False,
        "CurrencyRef": company.currency_ref(body.get("CurrencyRef")),
        "DisplayName": name,
        "FullyQualifiedName": full,
        "PrintOnCheckName": body.get("PrintOnCheckName") or body.get("CompanyName") or name,
        "Active": active,
    }
    if parent is not None:
        out |= {"Level": level, "ParentRef": parent}
    if company.us:
        out.setdefault("DefaultTaxCodeRef", {"value": "2"})
    return out


def build_account(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of an account. Raises 2020, 6010, 2170 or 6240."""
    if "Name" not in body:
        raise missing("Name")
    kind, subtype = body.get("AccountType"), body.get("AccountSubType")
    if kind is None and subtype is None:
        raise QboFault("6010", "Invalid account", "Either AccountType or AccountSubType must be given")
    kind = kind or type_of_subtype(str(subtype))
    if kind not in KINDS:
        raise bad_value("2170", "AccountType", "enumeration")
    subtype = subtype or KINDS[kind].subtypes[0]
    if subtype not in KINDS[kind].subtypes:
        raise bad_value("2170", "AccountSubType", "enumeration")
    if old is None and subtype in SINGLE:
        raise business(f"You cannot create another account of type {subtype}.")
    if company.us and len(body.get("AcctNum", "")) > 7:
        raise bad_value("2050", "AcctNum", "length (7)")
    active = body.get("Active", True)
    name = _named(body["Name"], active, old)
    full, _, parent = _place(company, "Account", body, name, "Name", old)
    _check_full_name(company, "Account", full, old)
    out = {
        **body,
        "Name": name,
        "FullyQualifiedName": full,
        "SubAccount": parent is not None,
        "Active": active,
        "AccountType": kind,
        "AccountSubType": subtype,
        "Classification": KINDS[kind].classification,
        "CurrencyRef": company.currency_ref(body.get("CurrencyRef")),
    }
    return out | ({"ParentRef": parent} if parent else {})


def build_item(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of a product or service. Inventory and bundles are not simulated."""
    if "Name" not in body:
        raise missing("Name")
    kind = body.get("Type", "Service")
    if kind not in ("Service", "NonInventory"):
        raise NotSimulated(f"items of type {kind} are not simulated")
    if "IncomeAccountRef" not in body:
        raise missing("IncomeAccountRef")
    out = dict(body)
    out["IncomeAccountRef"] = _account(company, body, "IncomeAccountRef", ("Income", "Other Income"))
    if "ExpenseAccountRef" in body:
        kinds = ("Expense", "Other Expense", "Cost of Goods Sold")
        out["ExpenseAccountRef"] = _account(company, body, "ExpenseAccountRef", kinds)
    active = body.get("Active", True)
    name = _named(body["Name"], active, old)
    full, level, parent = _place(company, "Item", body, name, "Name", old)
    _check_full_name(company, "Item", full, old)
    out |= {
        "Name": name,
        "FullyQualifiedName": full,
        "Type": kind,
        "Active": active,
        "Taxable": body.get("Taxable", False),
        "UnitPrice": body.get("UnitPrice", 0),
        "PurchaseCost": body.get("PurchaseCost", 0),
        "TrackQtyOnHand": False,
    }
    return out | ({"SubItem": True, "Level": level, "ParentRef": parent} if parent else {})


def show_customer(company: Company, row: Json) -> Json:
    """A customer as answered: with its balance, and that of its sub-customers."""
    own = company.ledger.customer_balance(row["Id"])
    below = company.tables["Customer"].find("ParentRef", row["Id"])
    jobs = own + sum(show_customer(company, child)["BalanceWithJobs"] for child in below)
    return {**row, "Balance": own, "BalanceWithJobs": jobs}


def show_account(company: Company, row: Json) -> Json:
    """An account as answered: balance sheet accounts carry debits minus credits, the others 0."""
    kept = row["Classification"] in ("Asset", "Liability", "Equity")
    balance = company.ledger.account_balance(row["Id"]) if kept else 0
    return {**row, "CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}


def _named(name: str, active: bool, old: Json | None) -> str:
    """Deactivation appends " (deleted)"; reactivation takes it off again."""
    if not active and not name.endswith(_DELETED):
        return name + _DELETED
    if active and old is not None and old.get("Active") is False:
        return name.removesuffix(_DELETED)
    return name


def _check_person_name(company: Company, name: str, old: Json | None) -> None:
    for entity in ("Customer", "Vendor", "Employee"):
        for holder in company.tables[entity].find("DisplayName", name):
            if old is None or entity != "Customer" or holder["Id"] != old["Id"]:
                raise duplicate_name()


def _check_full_name(company: Company, entity: str, full: str, old: Json | None) -> None:
    for holder in company.tables[entity].find("FullyQualifiedName", full):
        if old is None or holder["Id"] != old["Id"]:
            raise duplicate_name()


def _place(
    company: Company, entity: str, body: Json, name: str, shown: str, old: Json | None
) -> tuple[str, int, Json | None]:
    """Full name, level and parent reference. Raises 6180 below the fifth level, 900 for its own parent."""
    if "ParentRef" not in body:
        return name, 0, None
    parent = company.resolve(entity, body["ParentRef"], "ParentRef", shown)
    if old is not None and parent["Id"] == old["Id"]:
        raise QboFault("900", "Invalid parent", "A record cannot be its own parent")
    level = int(parent.get("Level", 0)) + 1
    if level > _MAX_LEVEL:
        raise QboFault("6180", "Too many levels", "Only 5 levels are allowed")
    return f"{parent['FullyQualifiedName']}:{name}", level, {"value": parent["Id"], "name": parent[shown]}


def _account(company: Company, body: Json, field: str, kinds: tuple[str, ...]) -> Json:
    account = company.resolve("Account", body[field], field)
    if account["AccountType"] not in kinds:
        raise business("You need to select a different type of account for this transaction.")
    ref: Json = account["_ref"]
    return ref
