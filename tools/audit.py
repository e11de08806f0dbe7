"""Audits the locked packages against the advisories that the package index publishes about each release.

Exit status 0 only where every locked release was looked up and none is known to be vulnerable; 1 for a vulnerability;
2 where a release could not be looked up, for then nothing is known about it.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pip._internal.models.index import PyPI  # the index's address as pip knows it

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2
_PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^\s;\\]+)", re.MULTILINE)
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """One pinned version of one package."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of a release: its advisories, or why it could not be looked up."""

    release: Release
    advisories: tuple[str, ...] = ()
    unknown: str = ""


def pinned(locks: Sequence[Path]) -> list[Release]:
    """Every release that the lock files pin, once."""
    return sorted({Release(*found) for lock in locks for found in _PIN.findall(lock.read_text())})


async def audit(index: str, releases: Sequence[Release], *, seconds: float = 30.0) -> list[Finding]:
    """Ask the index about each release; `index` is the address under which it answers `<name>/<version>/json`."""
    gate = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=seconds, follow_redirects=True) as client:

        async def one(release: Release) -> Finding:
            async with gate:
                try:
                    return await _look_up(client, index.rstrip("/"), release)
                except (httpx.HTTPError, ValueError) as error:
                    return Finding(release, unknown=f"no usable answer ({type(error).__name__})")

        return await asyncio.gather(*map(one, releases))


async def _look_up(client: httpx.AsyncClient, index: str, release: Release) -> Finding:
    """A release's own page; where an index (a mirror) has none, the package's page if it speaks of this release."""
    answer = await client.get(f"{index}/{release.name}/{release.version}/json")
    if answer.status_code == httpx.codes.NOT_FOUND:
        answer = await client.get(f"{index}/{release.name}/json")
    if answer.status_code != httpx.codes.OK:
        return Finding(release, unknown=f"answered {answer.status_code}")
    page = answer.json()
    info = page.get("info") if isinstance(page, dict) else None
    listed = page.get("vulnerabilities") if isinstance(page, dict) else None
    if not isinstance(info, dict) or not isinstance(listed, list):
        return Finding(release, unknown="the page lists no advisories, not even none")
    if info.get("version") != release.version:
        return Finding(release, unknown=f"only {info.get('version')} is described")
    return Finding(release, advisories=tuple(_named(one) for one in listed if not one.get("withdrawn")))


def _named(advisory: dict[str, Any]) -> str:
    mended = ", ".join(advisory.get("fixed_in") or []) or "no release yet"
    also = ", ".join(advisory.get("aliases") or [])
    return f"{advisory.get('id', '?')}{f' ({also})' if also else ''}, mended in {mended}"


def report(findings: Sequence[Finding]) -> int:
    """Print what was found, ending with the number audited; the exit status."""
    audited = [one for one in findings if not one.unknown]
    vulnerable = [one for one in audited if one.advisories]
    for one in findings:
        if one.unknown:
            print(f"NOT AUDITED  {one.release}: {one.unknown}")
        for advisory in one.advisories:
            print(f"VULNERABLE   {one.release}: {advisory}")
    print(f"{len(audited)} of {len(findings)} locked releases audited, {len(vulnerable)} vulnerable")
    if vulnerable:
        return VULNERABLE
    return CLEAN if audited and len(audited) == len(findings) else UNKNOWN


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: lock files to audit."""
    parser = argparse.ArgumentParser(description="Audit locked packages against the package index's advisories.")
    parser.add_argument("locks", nargs="+", type=Path, help="lock files")
    parser.add_argument("--index", default=PyPI.pypi_url, help="where <name>/<version>/json is answered")
    given = parser.parse_args(arguments)
    return report(asyncio.run(audit(given.index, pinned(given.locks))))


if __name__ == "__main__":
    sys.exit(main())
