"""`/activity/{kind}/{id}`: one document from the moment it was accepted until it is paid."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from app.canonical import Kind, ProviderName
from app.db import documents, remote_records, timelines
from app.db.kinds import PUSHED
from app.db.mending import Choice
from app.edge.deps import RuntimeDep
from app.edge.models import PathId, money
from app.edge.principals import Role
from app.errors import NotFound
from app.providers.registry import SPECS
from app.sync import mending
from app.sync.turn import company_from
from app.web.pages import PageRoute, go, page
from app.web.sessions import FormDep, VisitorDep, text_of
from app.web.words import word

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_PRIVATE: Final = re.compile(
    r"mail|phone|addr|line\d|street|postal|tax_?number|bankaccount|token|secret|password", re.IGNORECASE
)
_LONGEST_BODY: Final = 6_000
_GOOD: Final = {"written": "good", "refused": "bad", "unknown": "warn", "not_written": "warn", "pending": "warn"}
_OUTCOMES: Final = {
    "written": "Taken over",
    "refused": "Refused",
    "unknown": "No answer that can be trusted; being looked up",
    "not_written": "Not written; it is tried again",
    "pending": "No answer yet",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of a document's life. `details` are (title, text) to be opened."""

    at: datetime | None
    level: str
    title: str
    said: str = ""
    facts: Sequence[tuple[str, str]] = ()
    details: Sequence[tuple[str, str]] = field(default=())


@router.get("/activity/{kind}/{mapping_id}")
async def show(request: Request, kind: str, mapping_id: PathId, runtime: RuntimeDep, visitor: VisitorDep) -> Response:
    """The document and its timeline."""
    which = _kind(kind)
    async with runtime.db.firm(visitor.firm_id) as session:
        document = await documents.get(session, visitor.firm_id, which, mapping_id)
        attempts = await timelines.attempts(session, visitor.firm_id, which, mapping_id)
        codes = await timelines.codes(session, visitor.firm_id, which, document)
        payments = await timelines.payments(session, visitor.firm_id, which, document)
        decided = await timelines.decided(session, visitor.firm_id, which, document)
        held = {}
        if document.external_id:
            asked = (document.connection_id, which, [document.external_id])
            held = await remote_records.seen(session, visitor.firm_id, *asked)
    steps = [Step(document.accepted_at, "good", "Accepted", "It was complete and is owed to this company.")]
    steps += [_mapped(codes)] if codes else []
    steps += [_attempt(one) for one in attempts]
    steps += [_decision(one) for one in decided]
    steps.sort(key=lambda step: step.at or document.accepted_at)
    steps += _outcome(document, held.get(document.external_id or ""))
    steps += [_payment(one) for one in payments]
    return page(
        request,
        "document.html",
        visitor,
        document=document,
        kind=which,
        steps=steps,
        link=_link(which, document),
        display=SPECS[ProviderName(document.provider)].display,
        mendable=document.state in ("error", "conflict", "parked", "waiting", "excluded"),
    )


@router.post("/activity/{kind}/{mapping_id}/{act}")
async def mend(
    kind: str, mapping_id: PathId, act: str, runtime: RuntimeDep, visitor: VisitorDep, form: FormDep
) -> Response:
    """Try the document again, or leave it out."""
    visitor.principal.require(Role.member)
    which, choice = _kind(kind), Choice(ids=[mapping_id])
    if act not in ("retry", "skip"):
        raise NotFound("There is no such act.")
    decide = mending.retry if act == "retry" else mending.skip
    done = await decide(runtime.db, visitor.firm_id, which, choice, actor=visitor.subject)
    back = "/attention" if text_of(form, "back") == "attention" else f"/activity/{kind}/{mapping_id}"
    return go(back, "retried" if act == "retry" else "skipped", n=len(done.decided))


def shown_json(value: object) -> str:
    """JSON for people, without what identifies a person beyond the name, and not endlessly long."""
    text = json.dumps(_redacted(value), indent=2, ensure_ascii=False, default=str)
    return (
        text
        if len(text) <= _LONGEST_BODY
        else f"{text[:_LONGEST_BODY]}\n… ({len(text) - _LONGEST_BODY:,} more characters)"
    )


def _redacted(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: "•••" if inner and _PRIVATE.search(str(name)) else _redacted(inner) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return value


def _kind(kind: str) -> Kind:
    if kind not in {one.value for one in PUSHED}:
        raise NotFound("There is no such kind of document.")
    return Kind(kind)


def _mapped(codes: Sequence[Any]) -> Step:
    missing = [one for one in codes if one.external_code is None]
    facts = [
        (
            f"{one.what} {one.code}",
            f"→ {one.external_name or one.external_code}" if one.external_code else "→ nothing",
        )
        for one in codes
    ]
    level = "bad" if missing else "good"
    title = f"{len(missing)} of its codes are not mapped" if missing else "Mapped by your code mappings"
    return Step(max((one.mapped_at for one in codes if one.mapped_at), default=None), level, title, facts=facts)


def _attempt(attempt: Any) -> Step:
    facts = [("Idempotency key", attempt.key), ("Request", f"{attempt.method} {attempt.path}")]
    if attempt.settled_at is not None:
        facts.append(("Took", f"{(attempt.settled_at - attempt.sent_at).total_seconds():.2f} s"))
    if attempt.sends > 1:
        facts.append(("Sent", f"{attempt.sends} times, identically"))
    if attempt.together > 1:
        facts.append(("Together with", f"{attempt.together - 1} others in one call"))
    made = {"outcome": attempt.outcome, "id": attempt.external_id, "reason": attempt.reason}
    details = [("What was sent", shown_json(attempt.record))]
    details += [("What was answered", shown_json(attempt.answer))] if attempt.answer else []
    details.append(("What we made of it", shown_json(made)))
    verb = {"create": "Sent", "update": "Change sent", "void": "Void sent"}.get(attempt.operation, "Sent")
    said = _OUTCOMES[attempt.outcome] + (f": {word(attempt.reason)}" if attempt.reason else "")
    return Step(attempt.sent_at, _GOOD[attempt.outcome], verb, said, facts, details)


def _decision(event: Any) -> Step:
    act = str(event.action).removeprefix("mapping.")
    return Step(event.created_at, "good", f"{act.capitalize()} by {event.actor}")


def _outcome(document: Any, held: Any) -> list[Step]:
    """Where it stands now, and what the provider holds."""
    if document.external_id is None:
        level = "bad" if document.sync_status == "error" else "warn"
        return [Step(document.updated_at, level, word(document.state).capitalize(), document.sync_error)]
    facts = [("Id there", document.external_id), ("Number or name there", document.external_label)]
    equal = document.total is None or document.external_total is None or document.total == document.external_total
    if document.total is not None and document.external_total is not None:
        here, there = (money(one, document.currency) for one in (document.total, document.external_total))
        facts.append(("Total", f"equal, {here} {document.currency}" if equal else f"{here} here, {there} there"))
    details = [("What the provider holds", shown_json(held.record))] if held is not None else []
    bad = document.sync_status == "error" or not equal
    title = word(document.state).capitalize() if document.sync_status != "synced" else "In the books there"
    return [
        Step(
            document.synced_at or document.updated_at,
            "bad" if bad else "good",
            title,
            document.sync_error,
            facts,
            details,
        )
    ]


def _payment(payment: Any) -> Step:
    amount = f"{money(payment.amount, payment.currency)} {payment.currency}"
    said = f"{word(payment.source_kind).capitalize()} {payment.reference}".strip()
    title = f"Paid {amount}" if payment.active else f"A payment of {amount} was undone"
    facts = [("On", payment.applied_on.isoformat())] if payment.applied_on else []
    return Step(
        payment.created_at, "good" if payment.active and payment.amount > Decimal(0) else "warn", title, said, facts
    )


def _link(kind: Kind, document: Any) -> str:
    company = company_from(document.company)
    if company is None or not document.external_id:
        return ""
    spec = SPECS[ProviderName(document.provider)]
    make = {Kind.customer: spec.customer_url, Kind.invoice: spec.invoice_url, Kind.journal_entry: spec.journal_url}[
        kind
    ]
    return make(company, document.external_id, sandbox=document.environment == "sandbox")
