"""Running a parsed query on a company: what it asks for, checked, and the answer (reference 2.6)."""

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.entities import ABSENT_BY_NAME, ENTITIES, Entity
from simulators.intuit.faults import NotSimulated
from simulators.intuit.query import Condition, Query, parse
from simulators.intuit.query_plan import EXACT, FLAGS, NUMBERS, TIMES, Plan, invalid

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
        raise invalid(f"Invalid entity '{query.entity}'")
    plan = Plan(company, entity, [_checked(entity, condition) for condition in query.where])
    if query.count:
        return {"totalCount": plan.count()}
    keys = plan.page([(property_of(entity, said), down) for said, down in query.order], query.start, query.size)
    if not keys:
        return {}
    table = company.tables[entity.name]
    out: Json = {entity.name: [entity.show(company, table.rows[key]) for key in keys]}
    out |= {"startPosition": query.start, "maxResults": len(keys)}
    return out | ({"totalCount": plan.count()} if entity.counted else {})


def _single(name: str, row: Json, query: Query) -> Json:
    if query.count:
        return {"totalCount": 1}
    return {name: [row], "startPosition": 1, "maxResults": 1} if query.start == 1 else {}


def _checked(entity: Entity, condition: Condition) -> Condition:
    """The condition under the property's proper spelling. Raises 4001."""
    name = property_of(entity, condition.field)
    if name == "Id" and condition.op not in EXACT:
        raise invalid(f"operator '{condition.op}' is not supported for property 'Id'")
    if condition.op == "like" and (name in NUMBERS or name in FLAGS or name in TIMES):
        raise invalid(f"operator 'LIKE' is not supported for property '{name}'")
    return Condition(name, condition.op, condition.values)


def property_of(entity: Entity, said: str) -> str:
    """The queryable property meant, whatever its case. Raises 4001."""
    for name in entity.queryable:
        if name.lower() == said.lower():
            return name
    raise invalid(f"property '{said}' is not queryable")
