"""Renewing access tokens: once for all callers of all processes, and stored before anybody uses them.

Callers in one process share a task. Processes share a lease on the grant's row, under a random owner's name; no
transaction is open and no row locked while the provider is asked.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from app.canonical import ProviderName
from app.db import audit, connections, grants
from app.db.grants import GrantRow
from app.db.session import Database
from app.errors import Misconfigured, NeedsReauth, ProviderError, ProviderUnavailable
from app.guards import forbid_open_transaction
from app.providers.oauth import ProviderOAuth, TokenSet
from app.vault.seals import Column, Seals

log = structlog.get_logger(__name__)

RENEW_BEFORE: Final = timedelta(minutes=5)
"""A token with less than this left is renewed; until its very end it still serves where renewing fails."""
CALL_SECONDS: Final = 20.0
"""Our patience for one call to a token or revocation endpoint."""
# How long a vendor still honours a refresh token it has replaced (developer.xero.com token-types; Intuit's FAQ).
_GRACE: Final = {ProviderName.quickbooks: timedelta(hours=24), ProviderName.xero: timedelta(minutes=30)}
_LEASE_SECONDS: Final = 30.0  # one token call and the first retries of storing its answer
_WAIT_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1
_USABLE: Final = timedelta(seconds=30)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=5)
_STORE_PAUSES: Final = (0.1, 0.3, 1.0, 2.0, 4.0, 4.0)


class Renewals:
    """The part of the vault that hands out access tokens."""

    def __init__(
        self,
        db: Database,
        seals: Seals,
        oauth: Mapping[ProviderName, ProviderOAuth],
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._seals = seals
        self._oauth = oauth
        self._clock = clock
        self._flights: dict[tuple[int, str | None], asyncio.Task[str]] = {}

    async def access_token(self, grant_id: int, rejected: str | None) -> str:
        """See `Vault.access_token`."""
        forbid_open_transaction("asking for an access token")
        flight = self._flights.get((grant_id, rejected))
        if flight is None:
            flight = asyncio.create_task(self._live_token(grant_id, rejected))
            self._flights[grant_id, rejected] = flight
            flight.add_done_callback(lambda done: self._landed((grant_id, rejected), done))
        return await asyncio.shield(flight)

    async def renew(self, grant_id: int, *, unless_since: datetime | None = None) -> bool:
        """See `Vault.renew`. False: somebody renewed the tokens after `unless_since`, and they were left alone."""
        row = await self._read(grant_id)
        if unless_since is not None and row.refreshed_at >= unless_since:
            return False
        await self.access_token(grant_id, self._open(row, "sealed_access"))
        return True

    async def revoke(self, row: GrantRow) -> None:
        """End the consent at the provider. Raises ProviderError or TimeoutError where that is not confirmed."""
        async with asyncio.timeout(CALL_SECONDS):
            await self._client(row).revoke(self._open(row, "sealed_refresh"))

    async def close(self) -> None:
        """Wait for renewals under way."""
        await asyncio.gather(*self._flights.values(), return_exceptions=True)

    def _landed(self, key: tuple[int, str | None], flight: asyncio.Task[str]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # seen, even if every caller went away meanwhile

    async def _live_token(self, grant_id: int, rejected: str | None) -> str:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            row = await self._read(grant_id)
            token = self._open(row, "sealed_access")
            left = timedelta(0) if token == rejected else row.access_expires_at - self._clock()
            if left > RENEW_BEFORE:
                return token
            try:
                renewed = await self._attempt(row)
            except (ProviderUnavailable, Misconfigured):
                if left > _USABLE:
                    return token
                raise
            if renewed is not None or left > _USABLE:
                return renewed or token
            if time.monotonic() > deadline:
                raise ProviderUnavailable("The connection's tokens are being renewed elsewhere and no answer came yet.")
            await asyncio.sleep(_POLL_SECONDS)

    async def _attempt(self, row: GrantRow) -> str | None:
        """Renew, if nobody else does: the new token, or None to look at the row again."""
        if row.retry_at is not None and row.retry_at > self._clock():
            pausing = ProviderUnavailable(row.error_message)
            pausing.retry_after = row.retry_at - self._clock()
            raise pausing
        owner = secrets.token_hex(16)
        async with self._db.system() as session:
            # Committed before the call: whoever finds this attempt without an outcome retries with the same token.
            ours = await grants.take_lease(
                session, row.id, version=row.version, owner=owner, seconds=_LEASE_SECONDS, now=self._clock()
            )
        if not ours:
            return None
        try:
            answer = await self._ask(row, owner)
        except NeedsReauth as error:
            if await self._expire(row, owner, error):
                raise
            return None
        except (ProviderUnavailable, Misconfigured) as error:
            await self._postpone(row, owner, error)
            raise
        if answer is None or not await self._persist(row, owner, *answer):
            log.warning("grant_lease_lost", grant_id=row.id)
            return None
        log.info("grant_renewed", grant_id=row.id, version=row.version + 1)
        return answer[0].access_token

    async def _ask(self, row: GrantRow, owner: str) -> tuple[TokenSet, str] | None:
        """New tokens and the refresh token that bought them; None when the lease was lost meanwhile.

        `invalid_grant` is believed only when the newest stored token, looked up again, and the one before it (while
        the provider still honours that) have been refused too.
        """
        spent = self._open(row, "sealed_refresh")
        try:
            return await self._refresh(row, spent), spent
        except NeedsReauth as error:
            refused = error
        columns: tuple[Column, ...] = ("sealed_refresh", "sealed_previous")
        for column in columns:
            async with self._db.system() as session:  # anew for each: a slow refusal uses up most of a lease
                newest = await grants.hold_lease(session, row.id, owner, seconds=_LEASE_SECONDS)
            if newest is None:
                return None
            if column == "sealed_previous" and not self._has_previous(newest):
                break
            candidate = self._open(newest, column)
            try:
                return await self._refresh(newest, candidate), candidate
            except NeedsReauth as error:
                refused = error
        raise refused

    def _has_previous(self, row: GrantRow) -> bool:
        """Whether the refresh token before the present one is there and the provider still honours it."""
        return bool(row.sealed_previous) and self._clock() - row.refreshed_at < _GRACE[ProviderName(row.provider)]

    async def _refresh(self, row: GrantRow, refresh_token: str) -> TokenSet:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await self._client(row).refresh(refresh_token)
        except TimeoutError as error:
            raise ProviderUnavailable("The provider took too long to renew the tokens.") from error

    async def _persist(self, row: GrantRow, owner: str, tokens: TokenSet, spent: str) -> bool:
        """Store the only copy of the new tokens, however often the database hiccups. False: the lease was lost."""
        values = self._seals.columns(row.id, tokens) | {"version": row.version + 1, "refreshed_at": self._clock()}
        if spent != tokens.refresh_token:
            values["sealed_previous"] = self._seals.token(row.id, "sealed_previous", spent)
        values["hard_expires_at"] = tokens.hard_expires_at or row.hard_expires_at
        for pause in (*_STORE_PAUSES, None):
            try:
                async with self._db.system() as session:
                    return await grants.settle_lease(session, row.id, owner, values)
            except Exception as error:  # whatever the database says, the tokens in hand are the only copy
                log.warning("grant_not_stored_yet", grant_id=row.id, error=type(error).__name__)
                if pause is None:
                    raise ProviderUnavailable("The renewed tokens could not be stored.") from error
                await asyncio.sleep(pause)
        raise AssertionError("the last pause is None")

    async def _expire(self, row: GrantRow, owner: str, error: NeedsReauth) -> bool:
        """The grant is gone: so say all its connections. False: the lease was lost, somebody stored newer tokens."""
        async with self._db.system() as session:
            if not await grants.settle_lease(
                session, row.id, owner, {"status": "expired", "error_message": error.detail}
            ):
                return False
            for firm_id, connection_id in await connections.expire(session, row.id, error.detail):
                await audit.record(
                    session,
                    firm_id,
                    actor=audit.SYSTEM,
                    action="connection.expired",
                    subject=f"connection:{connection_id}",
                    details={"reason": error.public_code},
                )
        log.warning("grant_expired", grant_id=row.id, provider=row.provider)
        return True

    async def _postpone(self, row: GrantRow, owner: str, error: ProviderError) -> None:
        """Let the lease go, and keep everybody from asking again too soon: twice as long as the last time."""
        pause = error.retry_after or _FIRST_PAUSE
        if row.retry_at is not None and row.attempt_at is not None:
            pause = max(pause, 2 * (row.retry_at - row.attempt_at))
        values = {"retry_at": self._clock() + min(pause, _LONGEST_PAUSE), "error_message": error.detail}
        async with self._db.system() as session:
            await grants.settle_lease(session, row.id, owner, values)
        log.warning("grant_not_renewed", grant_id=row.id, provider=row.provider, error=error.public_code)

    async def _read(self, grant_id: int) -> GrantRow:
        async with self._db.system() as session:
            row = await grants.read(session, grant_id)
        if row is None or row.status != "active":
            raise NeedsReauth(row.error_message if row is not None and row.error_message else "Connect again.")
        return row

    def _client(self, row: GrantRow) -> ProviderOAuth:
        oauth = self._oauth.get(ProviderName(row.provider))
        if oauth is None:
            raise Misconfigured(f"The service has no client id for {row.provider}.", who="operator")
        return oauth

    def _open(self, row: GrantRow, column: Column) -> str:
        return self._seals.open(row.id, column, getattr(row, column))
