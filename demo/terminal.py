"""What the person at the terminal sees: steps, a tick per checked fact, durations; colour on a terminal only."""

import os
import sys
import time


class NotAsTold(Exception):
    """A fact of the story did not hold; the message says which, and what was found instead."""


class Terminal:
    """Prints progress. `check` is the only way to a tick: what does not hold ends the story."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._begun = time.monotonic()
        self._step_begun = self._begun
        self._step = 0
        self._sections = 0
        self.facts = 0

    def step(self, title: str) -> None:
        """Begin the next step and say how long the one before took."""
        self._finish_step()
        self._step += 1
        self._step_begun = time.monotonic()
        self._say(f"\n{self._step}. {title}", "1")

    def section(self, title: str) -> None:
        """A heading inside a step."""
        self._say(f"   {title}", "1")

    def check(self, holds: bool, fact: str, found: object = "") -> None:
        """A tick for a fact that holds. Raises NotAsTold otherwise, with what was found."""
        if not holds:
            raise NotAsTold(f"{fact}: not so. Found: {found}" if found != "" else f"{fact}: not so.")
        self.facts += 1
        print(f"   {self._paint('✓', '32')} {fact}", flush=True)

    def note(self, text: str) -> None:
        """Something worth knowing that is no fact to check."""
        print(f"     {text}", flush=True)

    def cross(self, text: str) -> None:
        """Something that is not as it should be."""
        print(f"   {self._paint('✗', '31')} {text}", flush=True)

    def verdict(self, text: str, *, good: bool) -> None:
        """The last line."""
        self._finish_step()
        self._say(
            f"\n{text} ({self.facts} facts checked, {time.monotonic() - self._begun:.1f} s)", "32" if good else "31"
        )

    def _finish_step(self) -> None:
        if self._step:
            print(f"     {self._paint(f'{time.monotonic() - self._step_begun:.1f} s', '2')}", flush=True)

    def _say(self, text: str, style: str) -> None:
        print(self._paint(text, style), flush=True)

    def _paint(self, text: str, style: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self._colour else text
