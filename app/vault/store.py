"""The vault: consents kept, renewed, given up. See the package's docstring."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from app.canonical import ProviderName
from app.crypto import KeyRing
from app.db import audit, connections, grants, sealed
from app.db.grants import GrantFacts
from app.db.session import Database
from app.errors import ProviderError
from app.providers.base import Identity, TokenSource
from app.providers.oauth import ProviderOAuth, TokenSet
from app.vault.renewal import Renewals
from app.vault.seals import Seals

__all__ = ["GrantFacts", "Vault"]

log = structlog.get_logger(__name__)

KEEP_ALIVE_AFTER: Final = timedelta(days=1)
_KEEP_ALIVE_AT_ONCE: Final = 5
_FORGOTTEN_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _GrantTokens:
    """A `TokenSource` for one grant."""

    vault: "Vault"
    grant_id: int

    async def access_token(self, *, rejected: str | None = None) -> str:
        return await self.vault.access_token(self.grant_id, rejected=rejected)


class Vault:
    """One per process. Any number of processes share the grants: one of them renews, the others wait for it."""

    def __init__(
        self,
        db: Database,
        keys: KeyRing,
        oauth: Mapping[ProviderName, ProviderOAuth],
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock
        self._seals = Seals(keys)
        self._renewals = Renewals(db, self._seals, oauth, clock)

    def tokens(self, grant_id: int) -> TokenSource:
        """What a provider's adapter asks for its bearer."""
        return _GrantTokens(self, grant_id)

    async def access_token(self, grant_id: int, *, rejected: str | None = None) -> str:
        """A live access token, renewed if it has less than five minutes left or is the one just `rejected`.

        Raises NeedsReauth when the grant is gone, Misconfigured when our own client or keys are wrong, and
        ProviderUnavailable when it can be neither used nor renewed at the moment. Cancelling a caller does not
        cancel the renewal: the provider may have retired the old token already.
        """
        return await self._renewals.access_token(grant_id, rejected)

    async def renew(self, grant_id: int) -> None:
        """Renew the tokens now, whatever is left of them. Raises as `access_token`."""
        await self._renewals.renew(grant_id)

    async def close(self) -> None:
        """Wait for renewals under way, so that no token is lost by stopping."""
        await self._renewals.close()

    async def store(self, tokens: TokenSet, identity: Identity, provider: ProviderName) -> int:
        """Keep a new consent's tokens; returns the grant's id.

        A Xero user has one grant, whatever companies and firms he serves: a new consent replaces its tokens and
        revives the connections that had expired with the old ones. A QuickBooks consent is a grant of its own.
        """
        async with self._db.system() as session:
            while True:
                row = None
                if identity.provider_user:
                    row = await grants.of_user(session, provider, identity.provider_user)
                if row is not None:
                    await grants.replace(session, row.id, self._columns(row.id, tokens))
                    for firm_id, connection_id in await connections.revive(session, row.id):
                        await audit.record(
                            session,
                            firm_id,
                            actor=audit.SYSTEM,
                            action="connection.revived",
                            subject=f"connection:{connection_id}",
                        )
                    return int(row.id)
                grant_id = await grants.next_id(session)
                values = self._columns(grant_id, tokens)
                if await grants.add(
                    session,
                    {"id": grant_id, "provider": provider, "provider_user": identity.provider_user, **values},
                ):
                    return grant_id

    async def facts(self, grant_ids: Collection[int]) -> Mapping[int, GrantFacts]:
        """Scope, status and expiries of grants, for connection answers."""
        async with self._db.system() as session:
            return await grants.facts(session, grant_ids)

    def seal_pending(self, tokens: TokenSet, token_hash: str) -> str:
        """Seal a consent that waits for its principal, for the pending row of this hash."""
        return self._seals.pending(token_hash, tokens)

    def open_pending(self, sealed_grant: str, token_hash: str) -> TokenSet:
        """The tokens that `seal_pending` sealed for the same row. Raises Misconfigured if our keys do not open them."""
        return self._seals.open_pending(token_hash, sealed_grant)

    async def erase_unused(self, grant_id: int) -> None:
        """Forget tokens that no connection uses, but do not revoke them: that would end a newer consent too."""
        async with self._db.system() as session:
            await grants.erase_unused(session, grant_id)

    async def release(self, grant_id: int) -> bool:
        """Revoke and erase a grant unless another connection, of whatever firm, still uses it. True: it is gone.

        It is marked first, so that a crash on the way leaves work for `tidy`. The provider's refusal or silence does
        not keep the tokens here: they are erased all the same.
        """
        async with self._db.system() as session:
            row = await grants.close_unused(session, grant_id)
        if row is None:
            return False
        try:
            await self._renewals.revoke(row)
        except (ProviderError, TimeoutError) as error:
            log.warning("grant_not_revoked", grant_id=grant_id, error=type(error).__name__)
        async with self._db.system() as session:
            return await grants.erase_unused(session, grant_id, closing=True)

    async def keep_alive(self, now: datetime) -> list[int]:
        """Renew the grants in use that nobody renewed for a day, so that none dies of disuse; returns their ids."""
        async with self._db.system() as session:
            stale = await grants.stale(session, refreshed_before=now - KEEP_ALIVE_AFTER, now=now)
        at_once = asyncio.Semaphore(_KEEP_ALIVE_AT_ONCE)

        async def one(grant_id: int) -> bool:
            async with at_once:
                try:  # every worker has the same list: whoever comes second finds it done
                    return await self._renewals.renew(grant_id, unless_since=now - KEEP_ALIVE_AFTER)
                except ProviderError as error:
                    log.warning("keep_alive_failed", grant_id=grant_id, error=error.public_code)
                    return False

        renewed = await asyncio.gather(*map(one, stale))
        return [grant_id for grant_id, done in zip(stale, renewed, strict=True) if done]

    async def tidy(self, now: datetime) -> int:
        """Finish disconnects that were broken off and forget consents that never became a connection; how many."""
        async with self._db.system() as session:
            left_over = await grants.forgotten(session, before=now - _FORGOTTEN_AFTER)
        for grant in left_over:
            if grant.status == "closing":
                await self.release(grant.id)
            else:
                await self.erase_unused(grant.id)
        return len(left_over)

    async def rotate_keys(self) -> dict[str, int]:
        """Seal everything anew under the first key; see `sealed.reseal_all`."""
        return await sealed.reseal_all(self._db, self._keys)

    def _columns(self, grant_id: int, tokens: TokenSet) -> dict[str, object]:
        return self._seals.columns(grant_id, tokens) | {"refreshed_at": self._clock()}
