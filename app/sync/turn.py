"""One runner's turn at one connection: what it holds while the lease is its own."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import structlog

from app.canonical import Check, Company, ProviderName
from app.db import leases
from app.db.leases import Claimed
from app.db.session import Database, Session
from app.db.work import Scope
from app.errors import ProviderError, ProviderUnavailable, StaleLease
from app.governor import Governor
from app.providers.base import AccountingProvider
from app.providers.http import Meter

log = structlog.get_logger(__name__)

SEND_WITHIN = 8.0  # seconds from storing a write to sending it; `settle_after` of the providers leaves room for them
# By when the write that this task prepares must be on its way; each call in flight has its own task.
_send_by: ContextVar[float | None] = ContextVar("send_by", default=None)
# A clock that also runs while the machine or the process is suspended, so that a deadline passes in a paused worker.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock() -> float:
    """Seconds on the clock that never stops."""
    return time.clock_gettime(_BOOT_CLOCK)


@dataclass(slots=True)
class Turn:
    """Everything the work of one turn needs. `company` is None until the company has been checked."""

    db: Database
    claimed: Claimed
    lease_seconds: float
    provider: AccountingProvider
    governor: Governor
    meter: Meter
    connection: Any
    company: Company | None
    scope: Scope
    deadline: float = field(default=0.0)

    @property
    def firm_id(self) -> int:
        """Whose books these are."""
        return self.claimed.firm_id

    @property
    def connection_id(self) -> int:
        """The connection this turn is about."""
        return self.claimed.connection_id

    @property
    def provider_name(self) -> ProviderName:
        """Which provider."""
        return self.provider.name

    @property
    def currency(self) -> str:
        """The company's own currency, which documents need not name."""
        return self.company.currency if self.company is not None else ""

    @asynccontextmanager
    async def effects(self) -> AsyncIterator[Session]:
        """A transaction that writes: it proves and prolongs the lease first. Raises StaleLease, storing nothing."""
        begun = boot_clock()
        async with self.db.firm(self.firm_id) as session:
            await leases.hold(session, self.claimed, self.lease_seconds)
            yield session
        self.deadline = begun + self.lease_seconds

    def still_ours(self) -> None:
        """Right before each send: raises StaleLease once the lease may have passed to somebody else."""
        if boot_clock() >= self.deadline:
            raise StaleLease(record={"kind": "connection", "id": self.connection_id})

    async def gate(self, path: str) -> None:
        """What every call passes: the company's budget, the lease, and for a write the time since it was stored."""
        await self.governor.admit(path)
        self.still_ours()
        send_by = _send_by.get()
        if send_by is not None and boot_clock() >= send_by:
            raise ProviderUnavailable("Getting ready to send took too long; nothing was sent.")

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """A write that was just stored goes out soon or not at all: its absence is proven by the time since then."""
        token = _send_by.set(boot_clock() + SEND_WITHIN)
        try:
            yield
        finally:
            _send_by.reset(token)

    async def together(self, sends: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Let several calls be in flight. Each ends on its own; then the gravest of their errors is raised."""
        if len(sends) == 1:
            await sends[0]
            return
        ends = await asyncio.gather(*sends, return_exceptions=True)
        errors = [end for end in ends if isinstance(end, BaseException)]
        for error in sorted(errors, key=_gravity):
            raise error

    @asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Prolong the lease while a slow provider is being waited for."""
        task = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            task.cancel()
            # Waiting for it, rather than awaiting it: its end must not be taken for a stop of ours, nor the reverse.
            await asyncio.wait({task})

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.lease_seconds / 3)
            try:
                async with self.effects():
                    pass
            except StaleLease:
                log.warning("lease_lost", connection_id=self.connection_id)
                return
            except Exception as error:  # noqa: BLE001  the deadline fences us off if the database stays away
                log.warning("lease_not_renewed", connection_id=self.connection_id, error=type(error).__name__)


def _gravity(error: BaseException) -> int:
    """Not being the runner any more comes first, then what nobody foresaw, then what the provider said."""
    return 0 if isinstance(error, StaleLease) else 2 if isinstance(error, ProviderError) else 1


def company_from(stored: dict[str, Any]) -> Company | None:
    """The company as `check` stored it; None when it never was checked, or by a version that stored it otherwise."""
    try:
        return _company(stored)
    except (KeyError, TypeError, ValueError):
        return None


def _company(stored: dict[str, Any]) -> Company:
    lock_date = stored.get("lock_date")
    return Company(
        external_id=stored["external_id"],
        name=stored["name"],
        country=stored["country"],
        currency=stored["currency"],
        multicurrency=stored["multicurrency"],
        lock_date=date.fromisoformat(lock_date) if lock_date else None,
        facts=stored["facts"],
        checks=tuple(Check(**check) for check in stored.get("checks", ())),
    )
