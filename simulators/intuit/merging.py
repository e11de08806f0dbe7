"""Merging two names, as people do on the screen: the loser's id vanishes, its documents go to the winner."""

from simulators.core.http import BadRequest, Json
from simulators.intuit.company import Company

# Where names are held: entity -> top-level references; lines are searched as well.
_DOCUMENTS = ("Invoice", "CreditMemo", "Payment", "JournalEntry", "Purchase", "Deposit")
_REFERENCES = ("CustomerRef", "EntityRef", "Entity")


def merge(company: Company, entity: str, loser: str, winner: str) -> Json:
    """Merge a customer or vendor into another. Raises BadRequest when they cannot be merged."""
    table = company.tables[entity]
    gone, kept = table.rows.get(loser), table.rows.get(winner)
    if gone is None or kept is None or loser == winner:
        raise BadRequest(f"name two different {entity.lower()}s")
    if gone["CurrencyRef"] != kept["CurrencyRef"]:
        raise BadRequest("names in different currencies cannot be merged")
    if table.indexed("ParentRef") and (table.find("ParentRef", loser) or "ParentRef" in gone):
        raise BadRequest("a customer with sub-customers or a parent is not merged here")
    changed = [_repointed(company, name, loser, kept) for name in _DOCUMENTS]
    company.ledger.merge(loser, winner)
    table.remove(loser, company.now)
    # A merged name is no deletion: change data capture has no stub of it.
    del table.removed[loser]
    company.store(entity, winner, kept, "updated")
    company.announce(entity, winner, "merged", loser)
    return {"id": winner, "merged": loser, "documents": sum(changed)}


def _repointed(company: Company, entity: str, loser: str, kept: Json) -> int:
    count = 0
    for key, row in list(company.tables[entity].rows.items()):
        fresh = _replaced(row, loser, {"value": kept["Id"], "name": kept["DisplayName"]})
        if fresh != row:
            company.touch(entity, key, fresh)
            count += 1
    return count


def _replaced(value: Json, loser: str, ref: Json) -> Json:
    """A copy with every reference to the loser, by the names references have, turned to the winner."""
    out: Json = {}
    for name, held in value.items():
        if name in _REFERENCES and isinstance(held, dict) and held.get("value") == loser:
            out[name] = {**held, **ref}
        elif isinstance(held, dict):
            out[name] = _replaced(held, loser, ref)
        elif isinstance(held, list):
            out[name] = [_replaced(item, loser, ref) if isinstance(item, dict) else item for item in held]
        else:
            out[name] = held
    return out
