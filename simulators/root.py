"""Composition root of the simulators: one clock, one list of faults, one call log, both vendors."""

from simulators.core.calls import CallLog
from simulators.core.clock import Clock
from simulators.core.faults import Faults
from simulators.intuit import IntuitSimulator
from simulators.xero import XeroSimulator


class Simulators:
    """Both vendors with their shared parts; everything lives in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.faults = Faults()
        self.calls = CallLog()
        self.intuit = IntuitSimulator(self.clock, self.faults, self.calls)
        self.xero = XeroSimulator(self.clock, self.faults, self.calls)

    def reset(self) -> None:
        """Back to the seeds: books, tokens, clock, faults, counters and webhook targets."""
        self.clock.reset()
        self.faults.clear()
        self.calls.clear()
        self.intuit.reset()
        self.xero.reset()

    async def aclose(self) -> None:
        """Stop the background webhook tasks."""
        await self.intuit.aclose()
        await self.xero.aclose()
