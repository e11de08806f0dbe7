"""Idempotency-Key: the answer to a key is kept for six minutes per app, errors too."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from simulators.core.clock import Clock

LIFE = timedelta(minutes=6)
LONGEST = 128
TOO_LONG = "The Idempotency-Key must not be longer than 128 characters"
OTHER_REQUEST = "The Idempotency-Key is used with a different request"


@dataclass(frozen=True)
class _Kept:
    fingerprint: str
    until: datetime
    status: int
    headers: dict[str, str]
    body: bytes


class Replays:
    """Answers by app and key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}

    def find(self, client: str, key: str, fingerprint: str) -> Response | str | None:
        """The kept answer, a reason to refuse, or None for a new key."""
        if len(key) > LONGEST:
            return TOO_LONG
        kept = self._kept.get((client, key))
        if kept is None or kept.until <= self._clock.now():
            return None
        if kept.fingerprint != fingerprint:
            return OTHER_REQUEST
        return Response(kept.body, kept.status, kept.headers)

    def keep(self, client: str, key: str, fingerprint: str, response: Response) -> None:
        """Remember an answer from the first call on."""
        now = self._clock.now()
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        self._kept[client, key] = _Kept(fingerprint, now + LIFE, response.status_code, headers, bytes(response.body))


def fingerprint_of(request: Request, body: bytes) -> str:
    """Method, address with query, organisation and body."""
    parts = [
        request.method, request.url.path.lower(), request.url.query, request.headers.get("xero-tenant-id", "").lower(),
    ]  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + body).hexdigest()
