"""`make bench`: measure everything, or the parts named; print a table, keep it beside this file."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable

from benchmarks import calls, edge, files, growth, isolation, memory, promises, scaling, speed
from benchmarks.results import Figure, save, table

PARTS: dict[str, Callable[[], AsyncIterator[Figure]]] = {
    "calls": calls.measure,
    "edge": edge.measure,
    "promises": promises.measure,
    "growth": growth.measure,
    "files": files.measure,
    "speed": speed.measure,
    "scaling": scaling.measure,
    "isolation": isolation.measure,
    "memory": memory.measure,
}


async def main() -> int:
    """Measure; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="Only these.")
    parser.add_argument(
        "--save", action="store_true", help="Put them into results.json and results.md; other parts stay."
    )
    given = parser.parse_args()
    figures: list[Figure] = []
    for part in given.parts or PARTS:
        found = []
        async for figure in PARTS[part]():
            found.append(figure)
            print(table([figure]).splitlines()[2], flush=True)
        if given.save:
            save(part, found, list(PARTS))
        figures += found
    print()
    print(table(figures))
    return 0 if all(one.kept for one in figures) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
