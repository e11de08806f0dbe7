"""Reads both of Intuit's webhook formats: CloudEvents (the present one) and `eventNotifications` (the former one)."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from app.canonical import Kind
from app.errors import Invalid
from app.providers.base import RemoteEvent
from app.providers.jsontext import loads
from app.providers.quickbooks.values import moment, text_of

_KINDS = MappingProxyType({"customer": Kind.customer, "invoice": Kind.invoice, "payment": Kind.payment})
_OPERATIONS = MappingProxyType(
    {
        "create": "created",
        "update": "updated",
        "delete": "deleted",
        "merge": "merged",
        "void": "voided",
        "emailed": "emailed",
    }
)


def read_webhook(body: bytes) -> tuple[RemoteEvent, ...]:
    """The events of one delivery, which may be about several companies.

    `kind` is None for entities we do not pull. A merge gives two events: the surviving record and the vanished one,
    as `deleted`. Elements without company or entity id are left out. Raises Invalid when the body has neither format.
    """
    try:
        content = loads(body)
    except ValueError as error:
        raise Invalid("The webhook's body is not JSON.") from error
    if isinstance(content, list):
        return tuple(event for element in _mappings(content) for event in _cloud_event(element))
    if isinstance(content, Mapping) and isinstance(content.get("eventNotifications"), list):
        return tuple(event for element in _mappings(content["eventNotifications"]) for event in _notification(element))
    raise Invalid("The webhook's body is neither a list of CloudEvents nor event notifications.")


def _cloud_event(element: Mapping[str, object]) -> Iterator[RemoteEvent]:
    """`type` reads `qbo.invoice.voided.v1`; `data` may be absent, and holds `deletedid` after a merge."""
    parts = text_of(element.get("type")).split(".")
    entity, operation = (parts[1], parts[2]) if len(parts) > 2 else ("", "")
    data = element.get("data")
    deleted = text_of(data.get("deletedid")) if isinstance(data, Mapping) else ""
    yield from _events(
        key=text_of(element.get("id")),
        company_id=text_of(element.get("intuitaccountid")),
        entity=entity,
        external_id=text_of(element.get("intuitentityid")),
        operation=operation,
        stamp=text_of(element.get("time")),
        deleted_id=deleted,
    )


def _notification(element: Mapping[str, object]) -> Iterator[RemoteEvent]:
    change = element.get("dataChangeEvent")
    entities = change.get("entities") if isinstance(change, Mapping) else None
    for entity in _mappings(entities if isinstance(entities, list) else []):
        operation = text_of(entity.get("operation")).lower()
        yield from _events(
            key="",
            company_id=text_of(element.get("realmId")),
            entity=text_of(entity.get("name")),
            external_id=text_of(entity.get("id")),
            operation=_OPERATIONS.get(operation, operation),
            stamp=text_of(entity.get("lastUpdated")),
            deleted_id=text_of(entity.get("deletedId")),
        )


def _events(
    *, key: str, company_id: str, entity: str, external_id: str, operation: str, stamp: str, deleted_id: str
) -> Iterator[RemoteEvent]:
    if not company_id or not external_id:
        return
    # Only CloudEvents carry an id; a former notification is told apart by everything that it says.
    key = key or ":".join((company_id, entity.lower(), external_id, operation, stamp))
    kind = _KINDS.get(entity.lower())

    def event(key: str, external_id: str, operation: str) -> RemoteEvent:
        return RemoteEvent(
            event_key=key,
            company_id=company_id,
            kind=kind,
            external_id=external_id,
            operation=operation,
            occurred_at=moment(stamp),
            label=f"{entity or 'record'} {external_id} {operation or 'changed'}",
        )

    yield event(key, external_id, operation)
    if deleted_id:
        yield event(f"{key}:{deleted_id}", deleted_id, "deleted")


def _mappings(elements: Sequence[object]) -> Iterator[Mapping[str, object]]:
    return (element for element in elements if isinstance(element, Mapping))
