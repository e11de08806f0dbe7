"""Running a parsed query on a company: indexes first, then filters, order and page (reference 2.6)."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.entities import ABSENT_BY_NAME, ENTITIES, Entity
from simulators.intuit.faults import NotSimulated, QboFault
from simulators.intuit.query import Condition, Query, parse
from simulators.intuit.stamps import parse_moment
from simulators.intuit.table import Table, id_key

_TIMES = ("MetaData.CreateTime", "MetaData.LastUpdatedTime")
_NUMBERS = frozenset({"Balance", "TotalAmt", "UnitPrice", "RateValue"})
_FLAGS = frozenset({"Active", "Taxable", "SubAccount", "TaxGroup"})
_EXACT = ("=", "in")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_BY_NAME = {name.lower(): entity for name, entity in ENTITIES.items()}


def run(company: Company, statement: str) -> Json:
    """The `QueryResponse` object of a statement. Raises 4000, 4001 or NotSimulated."""
    query = parse(statement)
    if query.entity.lower() == "companyinfo":
        return _single("CompanyInfo", company.info, query)
    if query.entity.lower() == "preferences":
        return _single("Preferences", company.preferences, query)
    entity = _BY_NAME.get(query.entity.lower())
    if entity is None:
        if query.entity.lower() in ABSENT_BY_NAME:
            raise NotSimulated(f"queries on {query.entity} are not simulated")
        raise _invalid(f"Invalid entity '{query.entity}'")
    span = slice(query.start - 1, query.start - 1 + query.size)
    table = company.tables[entity.name]
    if entity.transaction and not query.where and [(f.lower(), d) for f, d in query.order] == [("id", False)]:
        # Whole tables are paged through this way: no filter, no sort.
        total = len(table.rows)
        page = [table.rows[key] for key in table.in_id_order()[span]]
    else:
        rows = _matching(company, entity, query)
        total = len(rows)
        page = [] if query.count else _ordered(company, entity, query, rows)[span]
    if query.count:
        return {"totalCount": total}
    if not page:
        return {}
    out: Json = {entity.name: [entity.show(company, row) for row in page]}
    out |= {"startPosition": query.start, "maxResults": len(page)}
    return out | ({"totalCount": total} if entity.counted else {})


def _single(name: str, row: Json, query: Query) -> Json:
    if query.count:
        return {"totalCount": 1}
    return {name: [row], "startPosition": 1, "maxResults": 1} if query.start == 1 else {}


def _matching(company: Company, entity: Entity, query: Query) -> list[Json]:
    table = company.tables[entity.name]
    conditions = [_checked(entity, condition) for condition in query.where]
    if not entity.transaction and not any(c.field == "Active" for c in conditions):
        conditions.append(Condition("Active", "=", ("true",)))
    tests = [_test(company, entity, table, condition) for condition in conditions]
    return [row for row in _candidates(company, table, conditions) if all(test(row) for test in tests)]


def _checked(entity: Entity, condition: Condition) -> Condition:
    """The condition under the property's proper spelling. Raises 4001."""
    name = property_of(entity, condition.field)
    if name == "Id" and condition.op not in _EXACT:
        raise _invalid(f"operator '{condition.op}' is not supported for property 'Id'")
    if condition.op == "like" and (name in _NUMBERS or name in _FLAGS or name in _TIMES):
        raise _invalid(f"operator 'LIKE' is not supported for property '{name}'")
    return Condition(name, condition.op, condition.values)


def property_of(entity: Entity, said: str) -> str:
    """The queryable property meant, whatever its case. Raises 4001."""
    for name in entity.queryable:
        if name.lower() == said.lower():
            return name
    raise _invalid(f"property '{said}' is not queryable")


def _invalid(detail: str) -> QboFault:
    return QboFault("4001", "Invalid query", f"QueryValidationError: {detail}")


def _candidates(company: Company, table: Table, conditions: list[Condition]) -> Iterable[Json]:
    """Rows worth testing: by id, index or time of change when a condition allows, else all."""
    for condition in conditions:
        if condition.op not in _EXACT:
            continue
        if condition.field == "Id":
            return [table.rows[key] for key in dict.fromkeys(condition.values) if key in table.rows]
        if table.indexed(condition.field):
            found = (row for value in condition.values for row in table.find(condition.field, value))
            return {row["Id"]: row for row in found}.values()
    for condition in conditions:
        if condition.field == "MetaData.LastUpdatedTime" and condition.op in (">", ">="):
            moment = _wanted(company, condition.field, condition.values[0])
            if isinstance(moment, datetime):
                return table.changed_since(moment)
    return list(table.rows.values())


def _test(company: Company, entity: Entity, table: Table, condition: Condition) -> Callable[[Json], bool]:
    name = condition.field
    if condition.op == "like":
        pattern = _like(condition.values[0])
        return lambda row: pattern.fullmatch(str(_value(company, entity, table, row, name, "") or "")) is not None
    wanted = [_wanted(company, name, value) for value in condition.values]
    if condition.op == "in":
        return lambda row: _value(company, entity, table, row, name, None) in wanted
    compare, limit = _COMPARE[condition.op], wanted[0]
    if name in _TIMES:
        times = _times(table, name)
        return lambda row: compare(times[row["Id"]], limit)

    def test(row: Json) -> bool:
        value = _value(company, entity, table, row, name, None)
        return value is not None and compare(value, limit)

    return test


def _times(table: Table, name: str) -> dict[str, datetime]:
    return table.created if name.endswith("CreateTime") else table.updated


def _value(company: Company, entity: Entity, table: Table, row: Json, name: str, absent: object) -> Any:
    """A property in the type it is compared in."""
    if name in _TIMES:
        return _times(table, name)[row["Id"]]
    if name == "Balance" and "Balance" not in row:
        row = entity.show(company, row)
    value = row.get(name, True if name == "Active" else None)
    if value is None:
        return absent
    if isinstance(value, dict):
        value = value.get("value", value.get("Address", ""))
    if name in _NUMBERS:
        return Decimal(str(value))
    if isinstance(value, bool):
        return value
    return str(value).casefold()


def _wanted(company: Company, name: str, said: str) -> bool | Decimal | datetime | str:
    if said.lower() == "current_date":
        said = company.today()
    try:
        if name in _TIMES:
            return parse_moment(said)
        if name in _NUMBERS:
            return Decimal(said)
        if name.endswith("Date"):
            return date.fromisoformat(said[:10]).isoformat()
    except (ValueError, InvalidOperation) as error:
        raise _invalid(f"value '{said}' does not fit property '{name}'") from error
    if name in _FLAGS:
        if said.lower() not in ("true", "false"):
            raise _invalid(f"value '{said}' does not fit property '{name}'")
        return said.lower() == "true"
    return said.casefold()


def _like(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in pattern.split("%"))
    return re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)


def _ordered(company: Company, entity: Entity, query: Query, rows: list[Json]) -> list[Json]:
    table = company.tables[entity.name]
    if not query.order:
        return _unordered(entity, table, rows)
    out = list(rows)
    for said, down in reversed(query.order):
        out.sort(key=_sort_key(company, entity, table, property_of(entity, said)), reverse=down)
    return out


def _sort_key(company: Company, entity: Entity, table: Table, name: str) -> Callable[[Json], tuple[Any, ...]]:
    """Rows without the property sort first; Ids sort as numbers."""
    if name == "Id":
        return lambda row: id_key(row["Id"])
    if name in _TIMES:
        times = _times(table, name)
        return lambda row: (times[row["Id"]],)

    def key(row: Json) -> tuple[Any, ...]:
        value = _value(company, entity, table, row, name, None)
        return (0,) if value is None else (1, value)

    return key


def _unordered(entity: Entity, table: Table, rows: list[Json]) -> list[Json]:
    """No promise of order: lists come by name, transactions latest date and change first (observed)."""
    if entity.transaction:
        return sorted(rows, key=lambda row: (row["TxnDate"], table.updated[row["Id"]]), reverse=True)
    return sorted(rows, key=lambda row: str(row.get("DisplayName") or row.get("Name") or "").casefold())
