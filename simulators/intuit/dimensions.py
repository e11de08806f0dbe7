"""Classes, departments, terms, payment methods and tax agencies: small lists other documents point to."""

from datetime import date, timedelta
from decimal import Decimal

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.faults import bad_value, duplicate_name, missing
from simulators.intuit.hierarchy import check_full_name, named, place


def build_class(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of a class. Raises 2020, 6240, 6180, 900."""
    return _branch(company, "Class", "SubClass", body, old)


def build_department(company: Company, body: Json, old: Json | None) -> Json:
    """All stored fields of a department (a "location" on the screen)."""
    return _branch(company, "Department", "SubDepartment", body, old)


def build_term(company: Company, body: Json, old: Json | None) -> Json:
    """A term: due some days after the date (STANDARD), or on a day of the month (DATE_DRIVEN)."""
    out = _leaf(company, "Term", body, old)
    if "DayOfMonthDue" in body:
        if not 1 <= body["DayOfMonthDue"] <= 31:
            raise bad_value("2070", "DayOfMonthDue", "number")
        return out | {"Type": "DATE_DRIVEN"}
    if "DueDays" not in body:
        raise missing("DueDays")
    return out | {"Type": "STANDARD"}


def build_payment_method(company: Company, body: Json, old: Json | None) -> Json:
    """A way of paying: cash, check, a card."""
    return {"Type": "NON_CREDIT_CARD", **_leaf(company, "PaymentMethod", body, old)}


def build_tax_agency(company: Company, body: Json, old: Json | None) -> Json:
    """A tax office."""
    if "DisplayName" not in body:
        raise missing("DisplayName")
    for holder in company.tables["TaxAgency"].find("DisplayName", body["DisplayName"]):
        if old is None or holder["Id"] != old["Id"]:
            raise duplicate_name()
    return {"TaxTrackedOnSales": True, "TaxTrackedOnPurchases": False, **body}


def due_date(company: Company, term: Json | None, day: str) -> str:
    """The due date of a sales form dated `day`: by its term, or 30 days later (observed) without one."""
    start = date.fromisoformat(day)
    if term is None:
        return (start + timedelta(days=30)).isoformat()
    row = company.tables["Term"].get(term["value"])
    if row["Type"] == "STANDARD":
        return (start + timedelta(days=int(row["DueDays"]))).isoformat()
    due = _on_day(start.year, start.month, row["DayOfMonthDue"])
    # "Due the next month if issued within N days of the due date."
    if start > due or (due - start).days < int(row.get("DueNextMonthDays", 0)):
        due = _on_day(due.year + due.month // 12, due.month % 12 + 1, row["DayOfMonthDue"])
    return due.isoformat()


def _on_day(year: int, month: int, day: Decimal) -> date:
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(int(day), last))


def _branch(company: Company, entity: str, flag: str, body: Json, old: Json | None) -> Json:
    if "Name" not in body:
        raise missing("Name")
    active = body.get("Active", True)
    name = named(body["Name"], active, old)
    at = place(company, entity, body, name, "Name", old)
    check_full_name(company, entity, at.full, old)
    return {**body, **at.fields(flag), "Name": name, "Active": active}


def _leaf(company: Company, entity: str, body: Json, old: Json | None) -> Json:
    if "Name" not in body:
        raise missing("Name")
    active = body.get("Active", True)
    name = named(body["Name"], active, old)
    for holder in company.tables[entity].find("Name", name):
        if old is None or holder["Id"] != old["Id"]:
            raise duplicate_name()
    return {**body, "Name": name, "Active": active}
