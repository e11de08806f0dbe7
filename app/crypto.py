"""Sealing of secrets at rest, and the hashes and signatures of secrets in transit. Pure: no I/O, no clock.

A sealed value is text, `v1.<key id>.<base64url(nonce | ciphertext | tag)>`: AES-256-GCM under the named key, bound to
the place it is stored in. Moved to another row or column it does not open.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = "v1"
_KEY_BYTES: Final = 32
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12  # 96 bits at random: safe for 2**32 values per key, far beyond what one key ever seals
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")


class Unreadable(Exception):
    """The sealed value does not open: unknown key, damaged, or stored in another place than it was sealed for."""


class KeyRing:
    """Named AES-256 keys. The first seals; all of them open, so that keys can be replaced while the service runs."""

    __slots__ = ("_ciphers", "_primary")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys` maps key id to 32 bytes, the sealing key first. Raises ValueError where a key is unusable."""
        if not keys:
            raise ValueError("no key given")
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id):
                raise ValueError(f"the key id {key_id!r} must be 1 to 16 letters, digits, '-' or '_'")
            if len(key) != _KEY_BYTES:
                raise ValueError(f"the key {key_id!r} has {len(key)} bytes instead of {_KEY_BYTES}")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._primary = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read `k2:<base64>,k1:<base64>`. Raises ValueError whose message never holds key material."""
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
            key_id, colon, encoded = entry.partition(":")
            if not colon or not _KEY_ID.fullmatch(key_id):
                raise ValueError(f"entry {position} is not of the form <key id>:<base64 of 32 bytes>")
            if key_id in keys:
                raise ValueError(f"the key id {key_id!r} is given twice")
            keys[key_id] = _decode_key(key_id, encoded.strip())
        return cls(keys)

    @property
    def primary_key_id(self) -> str:
        """The key that seals."""
        return self._primary

    @property
    def key_ids(self) -> tuple[str, ...]:
        """All keys that open, the sealing one first."""
        return tuple(self._ciphers)

    def seal(self, plain: bytes, *, context: str) -> str:
        """Encrypt for one place. `context` names it as `table:row:column`; opening needs the same."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._primary].encrypt(nonce, plain, _associated(self._primary, context))
        return f"{_VERSION}.{self._primary}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, context: str) -> bytes:
        """Decrypt what `seal` made for the same `context`. Raises Unreadable for anything else."""
        key_id, payload = _split(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise Unreadable(f"sealed with the key {key_id!r}, which is not among ENCRYPTION_KEYS")
        try:
            return cipher.decrypt(payload[:_NONCE_BYTES], payload[_NONCE_BYTES:], _associated(key_id, context))
        except InvalidTag:
            raise Unreadable(f"the value for {context} is damaged or was sealed for another place") from None

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._ciphers)})"


def key_id_of(sealed: str) -> str:
    """The id of the key a value was sealed with, without opening it. Raises Unreadable if it is no sealed value."""
    return _split(sealed)[0]


def generate_key() -> str:
    """A new random key, as base64 ready for ENCRYPTION_KEYS."""
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def digest(text: str) -> str:
    """SHA-256 as 64 hex digits: how random, high-entropy secrets (OAuth state, API keys) are stored for look-up."""
    return hashlib.sha256(text.encode()).hexdigest()


def hmac_matches(body: bytes, signature: str, keys: Iterable[bytes]) -> bool:
    """Whether `signature` is base64(HMAC-SHA256(body)) under any of `keys`, as Intuit and Xero sign their webhooks.

    Every key is tried and every compare takes constant time, so that neither key nor position can be measured.
    """
    given = signature.encode("utf-8", "replace")
    found = False
    for key in keys:
        expected = base64.b64encode(hmac.digest(key, body, "sha256"))
        found |= hmac.compare_digest(expected, given)
    return found


def _associated(key_id: str, context: str) -> bytes:
    return f"{_VERSION}|{key_id}|{context}".encode()


def _split(sealed: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(".")
    key_id, dot, payload = rest.partition(".")
    if version != _VERSION or not dot:
        raise Unreadable("not a sealed value")
    try:
        raw = base64.b64decode(payload.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Unreadable("the sealed value is damaged") from None
    if len(raw) < _NONCE_BYTES + _TAG_BYTES:
        raise Unreadable("the sealed value is cut short")
    return key_id, raw


def _decode_key(key_id: str, encoded: str) -> bytes:
    """Standard and URL-safe base64, padded or not: key generators differ."""
    standard = encoded.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise ValueError(f"the key {key_id!r} is not base64") from None
