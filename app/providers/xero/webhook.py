"""Reads Xero's webhooks: each event says only that a record changed. The signature was checked before."""

import hashlib
from types import MappingProxyType

from app.canonical import Kind
from app.errors import Invalid
from app.providers.base import RemoteEvent
from app.providers.jsontext import loads
from app.providers.xero.values import Element, children, moment, text

_KINDS = MappingProxyType({"CONTACT": Kind.customer, "INVOICE": Kind.invoice})


def read_webhook(body: bytes) -> tuple[RemoteEvent, ...]:
    """The events of one delivery, which may be about several companies; none for the intent-to-receive handshake.

    `kind` is None for categories we do not pull; there is none for payments (the invoice is updated instead). Events
    without tenant or resource are left out. Raises Invalid when the body is not Xero's.
    """
    try:
        content = loads(body)
    except ValueError as error:
        raise Invalid("The webhook's body is not JSON.") from error
    if not isinstance(content, dict) or not isinstance(content.get("events"), list):
        raise Invalid("The webhook's body has no list of events.")
    events = children(content, "events")
    return tuple(_event(event) for event in events if text(event, "tenantId") and text(event, "resourceId"))


def _event(event: Element) -> RemoteEvent:
    tenant, resource = text(event, "tenantId"), text(event, "resourceId")
    happened, date, category = text(event, "eventType"), text(event, "eventDateUtc"), text(event, "eventCategory")
    # An event has no id of its own; a redelivery repeats all of this.
    identity = "|".join((tenant, resource, happened, date, category))
    return RemoteEvent(
        event_key=hashlib.sha256(identity.encode()).hexdigest(),
        company_id=tenant,
        kind=_KINDS.get(category.upper()),
        external_id=resource.lower(),
        operation=happened.lower(),
        occurred_at=moment(date),
        label=f"{category or 'record'} {resource} {happened or 'changed'}".lower(),
    )
