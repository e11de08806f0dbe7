"""Sealing: what was sealed for one place opens there alone, under any key of the ring, and shows no key."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crypto import KeyRing, Unreadable, digest, generate_key, hmac_matches, key_id_of

OLD, NEW = generate_key(), generate_key()
PLACE = "grants:41:refresh_token"


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.parse(f"k2:{NEW}, k1:{OLD}")


@given(st.binary(max_size=4096), st.text(max_size=60))
def test_what_is_sealed_opens_again(plain: bytes, context: str):
    ring = KeyRing.parse(f"k1:{OLD}")
    assert ring.open(ring.seal(plain, context=context), context=context) == plain


def test_the_same_text_never_looks_the_same_twice(ring):
    assert ring.seal(b"token", context=PLACE) != ring.seal(b"token", context=PLACE)


@pytest.mark.parametrize(
    "elsewhere", ["grants:42:refresh_token", "grants:41:access_token", "pending:41:refresh_token", ""]
)
def test_a_value_moved_to_another_row_or_column_does_not_open(ring, elsewhere):
    sealed = ring.seal(b"token", context=PLACE)
    with pytest.raises(Unreadable):
        ring.open(sealed, context=elsewhere)


def test_the_first_key_seals_and_the_old_one_still_opens(ring):
    before = KeyRing.parse(f"k1:{OLD}").seal(b"token", context=PLACE)
    assert key_id_of(before) == "k1"
    assert ring.open(before, context=PLACE) == b"token"
    assert ring.primary_key_id == "k2"
    assert ring.key_ids == ("k2", "k1")
    assert key_id_of(ring.seal(b"token", context=PLACE)) == "k2"


def test_a_key_taken_out_of_the_ring_is_named(ring):
    sealed = ring.seal(b"token", context=PLACE)
    with pytest.raises(Unreadable, match=r"'k2'.*ENCRYPTION_KEYS"):
        KeyRing.parse(f"k1:{OLD}").open(sealed, context=PLACE)


def test_another_key_under_the_same_id_does_not_open(ring):
    sealed = ring.seal(b"token", context=PLACE)
    with pytest.raises(Unreadable):
        KeyRing.parse(f"k2:{generate_key()}").open(sealed, context=PLACE)


def test_relabelling_the_key_id_does_not_help():
    twins = KeyRing.parse(f"a:{OLD},b:{OLD}")
    relabelled = twins.seal(b"token", context=PLACE).replace("v1.a.", "v1.b.")
    with pytest.raises(Unreadable):
        twins.open(relabelled, context=PLACE)


def test_every_changed_character_is_noticed(ring):
    sealed = ring.seal(b"token", context=PLACE)
    head, payload = sealed.rsplit(".", 1)
    raw = bytearray(base64.urlsafe_b64decode(payload))
    for position in range(len(raw)):
        raw[position] ^= 1
        with pytest.raises(Unreadable):
            ring.open(f"{head}.{base64.urlsafe_b64encode(raw).decode()}", context=PLACE)
        raw[position] ^= 1


@pytest.mark.parametrize(
    "nonsense", ["", "token", "v1.k2", "v1.k2.", "v1.k2.AAAA", "v2.k2.AAAA", "v1.k2.ü", "v1.k2.\ud800", "..."]
)
def test_what_was_never_sealed_is_refused(ring, nonsense):
    with pytest.raises(Unreadable):
        ring.open(nonsense, context=PLACE)


def test_no_key_shows(ring):
    assert repr(ring) == "KeyRing(k2, k1)"
    assert f"{ring}" == "KeyRing(k2, k1)"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no key"),
        ("justtext", "entry 1"),
        (f"k1:{OLD},:{NEW}", "entry 2"),
        (f"k1:{OLD},k1:{NEW}", "twice"),
        ("k1:c2hvcnQ=", "5 bytes instead of 32"),
        ("k1:%%%%", "not base64"),
        (f"much-too-long-key-id:{OLD}", "entry 1"),
    ],
    ids=["empty", "no colon", "no id", "same id twice", "short key", "not base64", "long id"],  # keys are random
)
def test_unusable_keys_are_refused_without_being_shown(text, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        KeyRing.parse(text)
    for secret in (OLD, NEW, "c2hvcnQ="):
        assert secret not in str(caught.value)


def test_url_safe_and_unpadded_keys_are_understood():
    spelled = OLD.replace("+", "-").replace("/", "_").rstrip("=")
    sealed = KeyRing.parse(f"k1:{spelled}").seal(b"x", context=PLACE)
    assert KeyRing.parse(f"k1:{OLD}").open(sealed, context=PLACE) == b"x"


def test_digest_is_sha_256():
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def signed(body: bytes, key: bytes) -> str:
    return base64.b64encode(hmac.digest(key, body, "sha256")).decode()


def test_a_signature_counts_under_any_current_key():
    body, keys = b'{"events":[]}', (b"new", b"old")
    assert hmac_matches(body, signed(body, b"old"), keys)
    assert hmac_matches(body, signed(body, b"new"), keys)


@pytest.mark.parametrize("signature", ["", "x", "ü", "\ud800", signed(b"{}", b"other"), signed(b"{} ", b"key")])
def test_any_other_signature_is_refused(signature):
    assert not hmac_matches(b"{}", signature, (b"key",))


def test_without_a_key_nothing_matches():
    assert not hmac_matches(b"{}", signed(b"{}", b""), ())
