"""Names in name lists: qualified by their parents, unique, at most five levels deep (reference 2.10)."""

from dataclasses import dataclass

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.faults import QboFault, duplicate_name

MAX_LEVEL = 4
_DELETED = " (deleted)"


@dataclass(frozen=True)
class Place:
    """Where a row stands: its full name, its level (0 at the top) and its parent, as a reference and as a row."""

    full: str
    level: int
    parent: Json | None = None
    row: Json | None = None

    def fields(self, flag: str | None = None) -> Json:
        """FullyQualifiedName, ParentRef where there is one, and the flag that says so (SubAccount, Job, ...)."""
        out: Json = {"FullyQualifiedName": self.full}
        if flag:
            out[flag] = self.parent is not None
        return out | ({"ParentRef": self.parent} if self.parent else {})


def named(name: str, active: bool, old: Json | None) -> str:
    """Deactivation appends " (deleted)"; reactivation takes it off again."""
    if not active and not name.endswith(_DELETED):
        return name + _DELETED
    if active and old is not None and old.get("Active") is False:
        return name.removesuffix(_DELETED)
    return name


def place(company: Company, entity: str, body: Json, name: str, shown: str, old: Json | None) -> Place:
    """The place a body asks for. Raises 6180 beyond the fifth level, also of what is below; 900 for a circle."""
    height = _height(company, entity, old["Id"]) if old else 0
    if "ParentRef" not in body:
        return Place(name, 0)
    parent = company.resolve(entity, body["ParentRef"], "ParentRef", shown)
    above = _ancestors(company, entity, parent)
    if old is not None and old["Id"] in above:
        raise QboFault("900", "Invalid parent", "A record cannot be its own parent, nor a child of its children")
    if len(above) + height > MAX_LEVEL:
        raise QboFault("6180", "Too many levels", f"Only {MAX_LEVEL + 1} levels are allowed")
    ref = {"value": parent["Id"], "name": parent[shown]}
    return Place(f"{parent['FullyQualifiedName']}:{name}", len(above), ref, parent)


def check_full_name(company: Company, entity: str, full: str, old: Json | None) -> None:
    """Raises 6240 when another row of the list has the full name."""
    for holder in company.tables[entity].find("FullyQualifiedName", full):
        if old is None or holder["Id"] != old["Id"]:
            raise duplicate_name()


def carry_name(company: Company, entity: str, row: Json) -> None:
    """After a rename or a move: the full names of everything below follow, without writes of their own."""
    table = company.tables[entity]
    if not table.indexed("ParentRef"):
        return
    for child in table.find("ParentRef", row["Id"]):
        own = child["FullyQualifiedName"].rsplit(":", 1)[-1]
        full = f"{row['FullyQualifiedName']}:{own}"
        name = row.get("DisplayName") or row["Name"]
        if (full, name) != (child["FullyQualifiedName"], child["ParentRef"]["name"]):
            moved = {**child, "FullyQualifiedName": full, "ParentRef": {"value": row["Id"], "name": name}}
            if "Level" in child:
                moved["Level"] = full.count(":")
            table.put(moved, table.updated[child["Id"]])
            carry_name(company, entity, moved)


def _ancestors(company: Company, entity: str, row: Json) -> list[str]:
    """The row's id and those above it."""
    out = [row["Id"]]
    while "ParentRef" in row:
        row = company.tables[entity].get(row["ParentRef"]["value"])
        out.append(row["Id"])
    return out


def _height(company: Company, entity: str, key: str) -> int:
    """How many levels hang below a row."""
    below = company.tables[entity].find("ParentRef", key)
    return 1 + max(_height(company, entity, child["Id"]) for child in below) if below else 0
