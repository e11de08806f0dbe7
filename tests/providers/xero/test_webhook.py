import json
from datetime import UTC, datetime

import pytest

from app.canonical import Kind
from app.crypto import hmac_matches
from app.errors import Invalid
from app.providers.xero import read_webhook
from tests.providers.xero.support import INVOICE_ID, TENANT

INTENT = '{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "%s"}'  # the uneven blanks are Xero's
EVENT = {
    "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{INVOICE_ID}",
    "resourceId": INVOICE_ID.upper(),
    "eventDateUtc": "2026-11-20T01:02:03.945",
    "eventType": "UPDATE",
    "eventCategory": "INVOICE",
    "tenantId": TENANT,
    "tenantType": "ORGANISATION",
}


def body(*events) -> bytes:
    return json.dumps({"events": events, "firstEventSequence": 1, "lastEventSequence": len(events)}).encode()


@pytest.mark.parametrize(
    ("key", "entropy", "signature"),
    [
        (
            "LR+QgKlbRciIPYpi65tTKLaZ3FzLLofCNEQWrRXqWXJeDFrfexzfVI9SmnVuCWDJ4jnjHB9ECtOyxZSofRxwWw==",
            "LUWDSUDGSWNZVALZXBEV",
            "BjzNbYUfrzg4g8wxm+dKHaZVrKxr2m75E296fUbD1E4=",
        ),
        ("test_key", "NLDZEGWUXNHESAQVGLYF", "ixznmr+Pdl6QymsWZM+9UkY4lu97q04sJyejmSOp25U="),
    ],
)
def test_the_public_signature_vectors_hold(key: str, entropy: str, signature: str) -> None:
    intent = (INTENT % entropy).encode()
    assert hmac_matches(intent, signature, [b"retired", key.encode()])
    assert not hmac_matches(intent, "/" + signature[1:], [key.encode()])
    assert read_webhook(intent) == ()


def test_an_event_says_which_record_of_which_company_changed() -> None:
    event = read_webhook(body(EVENT))[0]
    assert (event.company_id, event.kind, event.external_id) == (TENANT, Kind.invoice, INVOICE_ID)
    assert event.operation == "update"
    assert event.occurred_at == datetime(2026, 11, 20, 1, 2, 3, 945000, tzinfo=UTC)


def test_a_redelivery_has_the_same_key_and_any_difference_another() -> None:
    first = read_webhook(body(EVENT))[0]
    assert read_webhook(body(EVENT, EVENT))[1].event_key == first.event_key
    changes = [
        {"eventDateUtc": "2026-11-20T01:02:03.946"},
        {"eventType": "CREATE"},
        {"eventCategory": "CREDITNOTE"},
        {"resourceId": "other"},
        {"tenantId": "other"},
    ]
    keys = {read_webhook(body(EVENT | change))[0].event_key for change in changes}
    assert len(keys | {first.event_key}) == 6


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("CONTACT", Kind.customer),
        ("INVOICE", Kind.invoice),
        ("CREDITNOTE", None),
        ("SUBSCRIPTION", None),
        ("NEW", None),
    ],
)
def test_categories(category: str, kind: Kind | None) -> None:
    assert read_webhook(body(EVENT | {"eventCategory": category}))[0].kind is kind


def test_an_event_about_nothing_is_left_out() -> None:
    assert read_webhook(body({"eventType": "UPDATE"}, "nonsense", EVENT)) == read_webhook(body(EVENT))


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"events": {}}', b"\xff"])
def test_a_foreign_body_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_webhook(raw)
