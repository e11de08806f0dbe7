"""The identity provider's public keys, fetched over https and kept for a while.

A key id we have not seen makes us look again, but not more often than every half minute: whoever sends made-up tokens
must not turn us into a burden for the identity provider.
"""

import asyncio
import json
import time
import urllib.request
from typing import Final

import jwt
import structlog

SIGNATURES: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""What an identity provider may sign with: public keys alone."""
_FRESH_SECONDS = 600.0
_LOOK_AGAIN_SECONDS = 30.0
_TIMEOUT_SECONDS = 5.0
_MAX_BYTES = 1_000_000

_log = structlog.get_logger(__name__)


class KeySet:
    """The keys of one JWKS address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this id, or None. Keys known from before keep working while the address does not answer."""
        if self._due(key_id):
            async with self._lock:
                if self._due(key_id):
                    await self._fetch()
                    self._asked_at = time.monotonic()  # not before: whoever comes meanwhile has to wait for the keys
        return self._keys.get(key_id)

    def _due(self, key_id: str) -> bool:
        return time.monotonic() - self._asked_at > (_FRESH_SECONDS if key_id in self._keys else _LOOK_AGAIN_SECONDS)

    async def _fetch(self) -> None:
        try:
            found = jwt.PyJWKSet.from_dict(json.loads(await asyncio.to_thread(self._download)))
        except (OSError, ValueError, AttributeError, jwt.PyJWTError) as error:
            _log.warning("jwks_unavailable", reason=str(error))
            return
        self._keys = {key.key_id: key for key in found.keys if key.key_id is not None}

    def _download(self) -> bytes:
        with urllib.request.urlopen(self._url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  settings allow http(s) only
            body: bytes = answer.read(_MAX_BYTES)
            return body
