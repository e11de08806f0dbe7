"""Batch and change data capture: many things in one call (reference 2.7, 2.8)."""

from collections import Counter
from datetime import datetime, timedelta

from simulators.core.http import Json
from simulators.intuit.company import Company
from simulators.intuit.entities import ABSENT, ABSENT_BY_NAME, ENTITIES, Entity
from simulators.intuit.faults import NotSimulated, QboFault, unsupported
from simulators.intuit.operations import INCLUDES, delete, save, void
from simulators.intuit.query_run import run
from simulators.intuit.stamps import parse_moment, stamp
from simulators.intuit.table import Table

MAX_BATCH = 30
MAX_CHANGES = 1000
LOOK_BACK = timedelta(days=30)
_NEVER_IN_CDC = ("journalcode", "timeactivity")
_BY_NAME = {name.lower(): entity for name, entity in ENTITIES.items()}


def batch(company: Company, body: Json, request_id: str | None) -> Json:
    """Run up to 30 items one after another; each answers for itself.

    With a requestid, an item is remembered under requestid + bId: sent again it is not run again.
    """
    items = body.get("BatchItemRequest")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise QboFault("2010", "Request has invalid or unsupported property", "BatchItemRequest must be an array")
    if len(items) > MAX_BATCH:
        raise QboFault("1040", "Batch too big", f"A batch takes at most {MAX_BATCH} items, {len(items)} were sent")
    if request_id and (len(request_id) > 36 or any(len(str(item.get("bId", ""))) > 10 for item in items)):
        raise QboFault("2130", "Invalid Request Id", "With a requestid (36 characters at most) a bId has at most 10")
    ids = Counter(str(item["bId"]) for item in items if item.get("bId") is not None)
    if twice := [key for key, count in ids.items() if count > 1]:
        # The code is our choice: a bId is the second half of an item's request id.
        raise QboFault("600", "Duplicate Request ID", f"bId {', '.join(twice)} is used more than once", "bId")
    return {"BatchItemResponse": [_item(company, item, request_id) for item in items]}


def _item(company: Company, item: Json, request_id: str | None) -> Json:
    key = f"{request_id}:{item.get('bId')}"
    if request_id and key in company.replay:
        return company.replay[key][1]
    try:
        answer = _run_item(company, item)
    except QboFault as fault:
        answer = {"Fault": fault.body()}
    except NotSimulated as reason:
        # Items answer for themselves; one the simulator does not have says so in the code's message.
        answer = {"Fault": QboFault("501", "not_simulated", str(reason)).body()}
    out = {"bId": item.get("bId"), **answer}
    if request_id:
        company.replay[key] = (200, out)
    return out


def _run_item(company: Company, item: Json) -> Json:
    statement = item.get("Query")
    if isinstance(statement, str):
        return {"QueryResponse": run(company, statement)}
    entity = next((ENTITIES[name] for name in item if name in ENTITIES), None)
    if entity is None and (found := next((name for name in item if name in ABSENT), None)):
        raise NotSimulated(f"{found} is not simulated")
    if entity is None or not isinstance(item[entity.name], dict):
        raise QboFault("2000", "Invalid object name", "A batch item needs one supported entity or a Query")
    body: Json = item[entity.name]
    match item.get("operation"):
        case "create":
            return {entity.name: save(company, entity, {**body, "Id": None}, _include(entity, item))}
        case "update" if item.get("optionsData") == "void":
            return {entity.name: void(company, entity, body)}
        case "update":
            if not body.get("Id"):
                raise QboFault(
                    "2020", "Required param missing", "Required parameter Id is missing in the request", "Id"
                )
            return {entity.name: save(company, entity, body, _include(entity, item))}
        case "delete":
            return {entity.name: delete(company, entity, body)}
        case other:
            raise unsupported(str(other))


def _include(entity: Entity, item: Json) -> str | None:
    """What optionsData asks for. Raises 500 for an option the entity does not have."""
    option = item.get("optionsData")
    if option in (None, ""):
        return None
    if (entity.name, option) not in INCLUDES:
        raise unsupported(str(option))
    return str(option)


def changes(company: Company, entities: str, since: str) -> Json:
    """The CDC answer: per entity what changed at or after `since`, deletions last, at most 1000 rows in all."""
    try:
        moment = parse_moment(since)
    except ValueError as error:
        raise QboFault("2060", "Invalid date", f"changedSince {since} is not a date") from error
    if company.now - moment > LOOK_BACK:
        detail = f"Operation cdc with changedSince date {since} which is older than fixed days is not supported."
        raise QboFault("500", "Unsupported Operation", detail)
    left, answers = MAX_CHANGES, []
    for name in entities.split(","):
        entity = _cdc_entity(name.strip())
        table = company.tables[entity.name]
        rows = [entity.show(company, row) for row in table.changed_since(moment, left)]
        rows = (rows + _stubs(table, moment))[:left]
        left -= len(rows)
        answers.append(_page(entity, rows))
    return {"CDCResponse": [{"QueryResponse": answers}]}


def _cdc_entity(name: str) -> Entity:
    entity = _BY_NAME.get(name.lower())
    if name.lower() in _NEVER_IN_CDC:
        raise unsupported(f"cdc for {name}")
    if entity is None:
        if name.lower() in ABSENT_BY_NAME:
            raise NotSimulated(f"change data capture of {name} is not simulated")
        raise QboFault("2000", "Invalid object name", f"There is no entity '{name}'", name)
    if not entity.in_cdc:
        raise unsupported(f"cdc for {entity.name}")
    return entity


def _stubs(table: Table, moment: datetime) -> list[Json]:
    gone = [(at, key) for key, at in table.removed.items() if at >= moment]
    return [
        {"domain": "QBO", "status": "Deleted", "Id": key, "MetaData": {"LastUpdatedTime": stamp(at)}}
        for at, key in sorted(gone)
    ]


def _page(entity: Entity, rows: list[Json]) -> Json:
    if not rows:
        return {}
    out: Json = {entity.name: rows, "startPosition": 1, "maxResults": len(rows)}
    return out | ({"totalCount": len(rows)} if entity.counted else {})
