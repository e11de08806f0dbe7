"""Creating tax codes and rates: the one way there is, POST /taxservice/taxcode (reference 3.9)."""

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.faults import bad_value, duplicate_name, missing
from simulators.intuit.schema import IGNORED, NUMBER, Schema, choice, names, rows, text

_SCHEMA: Schema = {
    "TaxCode": text(100),
    "TaxRateDetails": rows(
        {
            **names("TaxRateName TaxRateId TaxAgencyId", text(100)),
            "RateValue": NUMBER,
            "TaxApplicableOn": choice("Sales", "Purchase", "Other"),
        }
    ),
    **names("Id TaxCodeId SyncToken sparse domain", IGNORED),
}


def create_tax_code(company: Company, body: Json) -> Json:
    """A tax code with its rates, new (TaxRateName, RateValue, TaxAgencyId) or existing (TaxRateId).

    Raises 2020, 2070, 2500 for an unknown agency or rate, and 6240 for a name in use.
    """
    given = company.parser.read(_SCHEMA, body)
    if "TaxCode" not in given:
        raise missing("TaxCode")
    if not given.get("TaxRateDetails"):
        raise missing("TaxRateDetails")
    name, details = given["TaxCode"], given["TaxRateDetails"]
    if company.tables["TaxCode"].find("Name", name):
        raise duplicate_name()
    planned = [_checked(company, detail) for detail in details]
    rates = [(detail, rate or _new_rate(company, detail)) for detail, rate in planned]
    sides: dict[str, list[Json]] = {"Sales": [], "Purchase": []}
    for detail, rate in rates:
        ref = {"value": rate["Id"], "name": rate["Name"]}
        entry = {"TaxRateRef": ref, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
        sides["Purchase" if detail.get("TaxApplicableOn") == "Purchase" else "Sales"].append(entry)
    row: Json = {"Name": name, "Description": name, "Active": True, "Taxable": True, "TaxGroup": True}
    row |= {f"{side}TaxRateList": {"TaxRateDetail": entries} for side, entries in sides.items()}
    made = company.store("TaxCode", company.next_id("tax"), row, "created")
    shown = [{**detail, "TaxRateId": rate["Id"], "RateValue": rate["RateValue"]} for detail, rate in rates]
    return {"TaxCode": name, "TaxCodeId": made["Id"], "TaxRateDetails": shown}


def _checked(company: Company, detail: Json) -> tuple[Json, Json | None]:
    """A detail and the existing rate it means. Raises before anything is made."""
    if "TaxRateId" in detail:
        return detail, company.resolve("TaxRate", {"value": detail["TaxRateId"]}, "TaxRateId")
    for field in ("TaxRateName", "RateValue", "TaxAgencyId"):
        if field not in detail:
            raise missing(field)
    company.resolve("TaxAgency", {"value": detail["TaxAgencyId"]}, "TaxAgencyId", "DisplayName")
    if company.tables["TaxRate"].find("Name", detail["TaxRateName"]):
        raise duplicate_name()
    if not 0 <= detail["RateValue"] <= 100:
        raise bad_value("2070", "RateValue", "number")
    return detail, None


def _new_rate(company: Company, detail: Json) -> Json:
    name = detail["TaxRateName"]
    row: Json = {"Name": name, "Description": name, "Active": True, "RateValue": detail["RateValue"]}
    row |= {"AgencyRef": {"value": detail["TaxAgencyId"]}, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"}
    return company.store("TaxRate", company.next_id("tax"), row, "created")
