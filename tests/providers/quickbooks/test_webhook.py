import json
from datetime import UTC, datetime

import pytest

from app.canonical import Kind
from app.crypto import hmac_matches
from app.errors import Invalid
from app.providers.quickbooks import SIGNATURE_HEADER, read_webhook
from tests.providers.quickbooks.support import raw


def summary(events):
    return [(event.company_id, event.kind, event.external_id, event.operation) for event in events]


def test_cloud_events_of_several_companies():
    events = read_webhook(raw("webhook_cloudevents.json"))
    assert summary(events) == [
        ("9130001", Kind.invoice, "155", "voided"),
        ("9130002", Kind.customer, "60", "merged"),
        ("9130002", Kind.customer, "61", "deleted"),
        ("9130002", None, "9", "updated"),
    ]
    assert events[0].event_key == "88cd52aa-33b6-4351-9aa4-47572edbd068"
    assert events[0].occurred_at == datetime(2026, 10, 7, 19, 59, 7, 34359, tzinfo=UTC)
    assert events[3].occurred_at is None
    assert events[0].label == "invoice 155 voided"


def test_the_former_format():
    events = read_webhook(raw("webhook_legacy.json"))
    assert summary(events) == [
        ("9130001", Kind.payment, "180", "voided"),
        ("9130001", Kind.customer, "60", "merged"),
        ("9130001", Kind.customer, "61", "deleted"),
        ("9130002", None, "56", "emailed"),
    ]
    assert events[0].occurred_at == datetime(2026, 10, 5, 21, 42, 19, tzinfo=UTC)


@pytest.mark.parametrize("name", ["webhook_cloudevents.json", "webhook_legacy.json"])
def test_each_event_has_a_key_of_its_own_that_a_redelivery_repeats(name):
    keys = [event.event_key for event in read_webhook(raw(name))]
    assert len(set(keys)) == len(keys)
    assert keys == [event.event_key for event in read_webhook(raw(name))]


def test_two_changes_of_one_record_are_two_events():
    delivery = json.loads(raw("webhook_legacy.json"))
    entity = delivery["eventNotifications"][0]["dataChangeEvent"]["entities"][0]
    entity["lastUpdated"] = "2026-10-05T14:42:20-0700"
    assert (
        read_webhook(json.dumps(delivery).encode())[0].event_key
        != read_webhook(raw("webhook_legacy.json"))[0].event_key
    )


@pytest.mark.parametrize("body", [b"", b"no json", b'"text"', b"{}", b'{"eventNotifications":{}}', b"\xff\xfe"])
def test_a_body_of_neither_format_is_said_to_be_invalid(body):
    with pytest.raises(Invalid):
        read_webhook(body)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"[1, null]", b'[{"type":5}]', b'{"eventNotifications":[]}', b'{"eventNotifications":[{"realmId":"1"}]}'],
)
def test_a_delivery_without_usable_events_is_empty(body):
    assert read_webhook(body) == ()


def test_the_signature_travels_in_intuits_header():
    assert SIGNATURE_HEADER == "intuit-signature"


def notification(realm, *entities):
    """A body of the former format, byte for byte as the vendor's own clients have it in their tests."""
    changed = [dict(zip(("name", "id", "operation", "lastUpdated"), entity, strict=True)) for entity in entities]
    content = {"eventNotifications": [{"realmId": realm, "dataChangeEvent": {"entities": changed}}]}
    return json.dumps(content, separators=(",", ":")).encode()


CREATED = notification("1185883450", ("Customer", "1", "Create", "2015-10-05T14:42:19-0700"))
SEVERAL = notification(
    "1269959970",
    ("Vendor", "40", "Update", "2016-10-05T03:09:04.000Z"),
    ("Customer", "43", "Create", "2016-10-05T03:07:04.000Z"),
)


@pytest.mark.parametrize(
    ("verifier", "body", "signature"),
    [
        (b"b5771f19b12ddb4bcdb9f08bdc50bc63878a", CREATED, "JC2GUwciPmRBwEO7WvrRmKqu9tGOKL8FFallocTFi8Q="),
        (b"00faeec4-08d0-4996-bb37-698ae19f0149", SEVERAL, "6q+xGyMirJupwKTh2/WBl2NcdxzxqdIbk3sneKTxLWM="),
        (b"verify_me", b'{"stuff":"5"}', "nfPLN16u3vMvv08ghDs+dOkLuirEVDy5wAeG/lmM2OA="),
    ],
)
def test_the_published_signatures_are_accepted(verifier, body, signature):
    assert hmac_matches(body, signature, [b"another key", verifier])
    assert not hmac_matches(body + b" ", signature, [verifier])
    assert not hmac_matches(body, signature, [b"another key"])
