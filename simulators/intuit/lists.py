"""Accounts and items (reference 3.7, 3.8). Never deleted, only made inactive."""

from simulators.core.http import Json
from simulators.intuit.account_types import KINDS, SINGLE, type_of_subtype
from simulators.intuit.company import Company
from simulators.intuit.currency import WRONG_ACCOUNT, party_currency
from simulators.intuit.faults import NotSimulated, QboFault, bad_value, business, missing
from simulators.intuit.hierarchy import check_full_name, named, place

_KEPT = ("Asset", "Liability", "Equity")


def build_account(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of an account. Raises 2020, 6010, 2170, 2050, 6240, 700, 900, 6180 or 6000."""
    if "Name" not in body:
        raise missing("Name")
    kind, subtype = _type(body, old)
    if company.us and len(body.get("AcctNum", "")) > 7:
        raise bad_value("2050", "AcctNum", "length (7)")
    active = body.get("Active", True)
    if not active and old is not None and old["Id"] in company.roles.values():
        raise business("You cannot make an account inactive that QuickBooks itself uses.")
    name = named(body["Name"], active, old)
    at = place(company, "Account", body, name, "Name", old)
    if at.row is not None and at.row["AccountSubType"] in SINGLE:
        raise QboFault("700", "Invalid parent", f"An account of type {at.row['AccountSubType']} has no sub-accounts")
    if at.row is not None and at.row["AccountType"] != kind:
        raise business("A sub-account must have the same account type as its parent.")
    check_full_name(company, "Account", at.full, old)
    return {
        **body,
        **at.fields("SubAccount"),
        "Name": name,
        "Active": active,
        "AccountType": kind,
        "AccountSubType": subtype,
        "Classification": KINDS[kind].classification,
        "CurrencyRef": party_currency(company, body, old),
    }


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
    for field in ("SalesTaxCodeRef", "PurchaseTaxCodeRef"):
        if field in body:
            out[field] = company.resolve("TaxCode", body[field], field)["_ref"]
    active = body.get("Active", True)
    name = named(body["Name"], active, old)
    at = place(company, "Item", body, name, "Name", old)
    check_full_name(company, "Item", at.full, old)
    out |= {
        **at.fields(),
        "Name": name,
        "Type": kind,
        "Active": active,
        "Taxable": body.get("Taxable", False),
        "UnitPrice": body.get("UnitPrice", 0),
        "PurchaseCost": body.get("PurchaseCost", 0),
        "TrackQtyOnHand": False,
    }
    return out | ({"SubItem": True, "Level": at.level} if at.parent else {})


def show_account(company: Company, row: Json) -> Json:
    """An account as answered: balance sheet accounts carry debits minus credits, the others 0."""
    below = company.tables["Account"].find("ParentRef", row["Id"])
    if row["Classification"] not in _KEPT:
        return {**row, "CurrentBalance": 0, "CurrentBalanceWithSubAccounts": 0}
    own = company.ledger.account_balance(row["Id"])
    total = own + sum(show_account(company, child)["CurrentBalanceWithSubAccounts"] for child in below)
    return {**row, "CurrentBalance": own, "CurrentBalanceWithSubAccounts": total}


def _type(body: Json, old: Json | None) -> tuple[str, str]:
    kind, subtype = body.get("AccountType"), body.get("AccountSubType")
    if kind is None and subtype is None:
        raise QboFault("6010", "Invalid account", "Either AccountType or AccountSubType must be given")
    kind = kind or type_of_subtype(str(subtype))
    if kind not in KINDS:
        raise bad_value("2170", "AccountType", "enumeration")
    subtype = subtype or KINDS[kind].subtypes[0]
    if subtype not in KINDS[kind].subtypes:
        raise bad_value("2170", "AccountSubType", "enumeration")
    if subtype in SINGLE and (old is None or old["AccountSubType"] != subtype):
        raise business(f"You cannot create another account of type {subtype}.")
    if old is not None and old["AccountSubType"] in SINGLE and subtype != old["AccountSubType"]:
        raise business(f"The type of the {old['AccountSubType']} account cannot be changed.")
    return str(kind), str(subtype)


def _account(company: Company, body: Json, field: str, kinds: tuple[str, ...]) -> Json:
    account = company.resolve("Account", body[field], field)
    if account["AccountType"] not in kinds:
        raise business(WRONG_ACCOUNT)
    ref: Json = account["_ref"]
    return ref
