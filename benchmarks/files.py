"""Exports and imports against what the machine needs at the least for the same rows, in the same run.

`python -m benchmarks.files [--lines 1000000] [--accounts 100000] [--rounds 3]` starts a database of its own. Each
format is measured in a process of its own, so that its peak of memory is its own. The floor of an export is a COPY of
the same rows that `csv.writer` writes to a file (and into a zip, where ours is one); the floor of an import is
`csv.reader` over the same file and the insertion of the same rows.
"""

import argparse
import asyncio
import csv
import io
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from sqlalchemy import text

from app.canonical import ProviderName
from app.crypto import generate_key
from app.db import bulk, code_mappings, exports, firms
from app.db.code_mappings import CodeKind
from app.db.embedded import LOGIN, OWNER, EmbeddedPostgres
from app.db.exports import Part
from app.db.ledger_tables import Account
from app.db.migrating import upgrade
from app.files.copied import CopiedRows
from app.files.exporting import export
from app.files.importing import Upload, import_file
from app.files.wishes import Wish
from app.runtime import Runtime, open_runtime
from app.settings import Settings
from benchmarks.results import Figure, table

WISHES = {
    "iif": Wish(provider=ProviderName.quickbooks, format="iif"),
    "quickbooks csv": Wish(provider=ProviderName.quickbooks, format="csv", split="zip"),
    "xero csv": Wish(provider=ProviderName.xero, format="csv", split="zip"),
}
EXPORT_TARGET, MEMORY_TARGET, IMPORT_TARGET = 1.5, 150.0, 3.0
IMPORT = "accounts"
BATCH = 5_000
_SEED = (
    """INSERT INTO accounts (firm_id, code, name, type)
       SELECT :firm, (1000 + n)::text, 'Account ' || n, CASE WHEN n % 2 = 0 THEN 'expense.operating'
              ELSE 'revenue.sales' END FROM generate_series(1, 200) n""",
    """INSERT INTO journal_entries (firm_id, number, entry_date, narration, currency, total, status)
       SELECT :firm, 'JE-' || n, date '2026-01-01' + (n % 330)::int, 'Week ' || n % 53 || ' of 2026', 'USD',
              10 + n % 990, 'posted' FROM generate_series(1, :entries) n""",
    """INSERT INTO journal_lines (firm_id, journal_entry_id, position, account_code, debit, credit, description)
       SELECT :firm, j.id, p, (1001 + (j.id * 7 + p) % 200)::text,
              CASE p WHEN 0 THEN j.total - 3 WHEN 1 THEN 3 ELSE 0 END,
              CASE p WHEN 2 THEN j.total - 2 WHEN 3 THEN 2 ELSE 0 END,
              'Line ' || p || ' of entry ' || j.id || ', as invoiced'
       FROM journal_entries j, generate_series(0, 3) p WHERE j.firm_id = :firm""",
)


@dataclass(frozen=True)
class Measured:
    """Seconds of each round, and the peak of memory in MB after the first."""

    ours: list[float]
    floor: list[float]
    memory: float
    size: int

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(ours / floor for ours, floor in zip(self.ours, self.floor, strict=True))


def peak_mb() -> float:
    """The most memory this process has had; `getrusage` would count what it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) / 1024 if found else 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)


async def seed(runtime: Runtime, firm_id: int, lines: int) -> None:
    """Books of this many lines, four to an entry."""
    for statement in _SEED:
        async with runtime.db.firm(firm_id) as session:
            await exports.take_time(session)
            given = {"firm": firm_id, "entries": lines // 4}
            used = {name: value for name, value in given.items() if f":{name}" in statement}
            await session.execute(text(statement), used)


async def our_export(runtime: Runtime, firm_id: int, wish: Wish) -> tuple[float, int]:
    """Seconds and bytes of an export as the API makes it."""
    began = time.perf_counter()
    made = await export(runtime, firm_id, wish, actor="benchmark")
    seconds = time.perf_counter() - began
    made.file.close()
    return seconds, made.size


async def bare_export(runtime: Runtime, firm_id: int, *, zipped: bool) -> float:
    """Seconds of COPY and csv.writer alone."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as file:
        if zipped:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("rows.csv", "w") as entry:
                await _bare_rows(runtime, firm_id, entry)
        else:
            await _bare_rows(runtime, firm_id, file)
    return time.perf_counter() - began


async def _bare_rows(runtime: Runtime, firm_id: int, file: IO[bytes]) -> None:
    text_file = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    write = csv.writer(text_file).writerows
    copied = CopiedRows()

    async def take(chunk: bytes) -> None:
        write(copied.rows(chunk))

    async with runtime.db.snapshot(firm_id) as session:
        await exports.take_time(session)
        await exports.copy_journals(session, firm_id, Part(status="posted"), take)
    text_file.flush()
    text_file.detach()


async def measure_export(runtime: Runtime, firm_id: int, name: str, rounds: int) -> Measured:
    """Ours and the floor in turns."""
    wish = WISHES[name]
    ours, floor = [], []
    size, memory = 0, 0.0
    for n in range(rounds):
        seconds, size = await our_export(runtime, firm_id, wish)
        ours.append(seconds)
        memory = memory if n else peak_mb()
        floor.append(await bare_export(runtime, firm_id, zipped=wish.split is not None))
    return Measured(ours, floor, memory, size)


def chart_file(accounts: int) -> bytes:
    """A chart as Xero exports it, every tenth name with a line end in it."""
    file = io.StringIO(newline="")
    write = csv.writer(file).writerow
    write(["*Code", "*Name", "*Type", "*Tax Code", "Description", "Dashboard", "Expense Claims", "Enable Payments"])
    for n in range(accounts):
        text = f"Costs of project {n},\nincluding travel" if n % 10 == 0 else f"Costs of project {n}"
        write([f"{n:06}", f"Project {n}", "Expense", "No VAT", text, "No", "No", "No"])
    return file.getvalue().encode()


async def new_firm(runtime: Runtime) -> int:
    """A firm without books."""
    async with runtime.db.system() as session:
        return await firms.create(session, name="Benchmark", time_zone="UTC")


async def our_import(runtime: Runtime, data: bytes) -> float:
    """Seconds of an import as the API makes it."""
    firm_id = await new_firm(runtime)
    upload = Upload(provider=ProviderName.xero, data=data)
    began = time.perf_counter()
    await import_file(runtime, firm_id, upload, actor="benchmark")
    return time.perf_counter() - began


async def bare_import(runtime: Runtime, data: bytes) -> float:
    """Seconds of csv.reader over the file and of inserting the same rows, as fast as row-level security lets us."""
    firm_id = await new_firm(runtime)
    began = time.perf_counter()
    read = csv.reader(io.StringIO(data.decode(), newline=""))
    next(read)
    rows = [
        {"code": code, "name": name, "type": "expense.operating", "description": text}
        for code, name, _, _, text, *_ in read
    ]
    async with runtime.db.firm(firm_id) as session:
        await exports.take_time(session)
        for start in range(0, len(rows), BATCH):
            portion = rows[start : start + BATCH]
            await bulk.insert_rows(session, Account, firm_id, portion)
            targets = [(row["code"], row["code"], row["name"]) for row in portion]
            await code_mappings.fill(session, firm_id, CodeKind.account, provider=ProviderName.xero, targets=targets)
    return time.perf_counter() - began


async def measure_import(runtime: Runtime, accounts: int, rounds: int) -> Measured:
    """Ours and the floor in turns."""
    data = chart_file(accounts)
    ours, floor = [], []
    memory = 0.0
    for n in range(rounds):
        ours.append(await our_import(runtime, data))
        memory = memory if n else peak_mb()
        floor.append(await bare_import(runtime, data))
    return Measured(ours, floor, memory, len(data))


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Runtime]:
    """A runtime over a migrated database."""
    settings = Settings(
        database_url=url,
        encryption_keys=f"k1:{generate_key()}",
        secret_key=generate_key(),
        environment="development",
    )
    async with open_runtime(settings) as runtime:
        yield runtime


async def child(url: str, number: int, name: str, rounds: int) -> None:
    """Measure one thing and print it; `number` is a firm for an export, of accounts for the import."""
    async with opened(url) as runtime:
        if name == IMPORT:
            measured = await measure_import(runtime, number, rounds)
        else:
            measured = await measure_export(runtime, number, name, rounds)
    print(json.dumps(vars(measured)))


def in_a_process(url: str, number: int, name: str, rounds: int) -> Measured:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.files", "--child", name, "--url", url, "--number", str(number)]
    done = subprocess.run([*command, "--rounds", str(rounds)], check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout))


async def prepared(url: str, lines: int) -> int:
    """A firm with its books; returns its id."""
    async with opened(url) as runtime:
        firm_id = await new_firm(runtime)
        await seed(runtime, firm_id, lines)
    return firm_id


@contextmanager
def _postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="tieout-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder)) as postgres:
            upgrade(postgres.url(user=OWNER), LOGIN)
            yield postgres


def _vacuum(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")


async def measure(lines: int = 1_000_000, accounts: int = 100_000, rounds: int = 3) -> AsyncIterator[Figure]:
    """Each format over a million journal lines, then a hundred thousand accounts read in."""
    stack = ExitStack()
    postgres = await asyncio.to_thread(stack.enter_context, _postgres())
    try:
        url = postgres.url(user=LOGIN)
        firm_id = await prepared(url, lines)
        await asyncio.to_thread(_vacuum, postgres.url(user=OWNER))
        for name in WISHES:
            made = await asyncio.to_thread(in_a_process, url, firm_id, name, rounds)
            yield _figure(f"{lines:,} journal lines to {name}", made, EXPORT_TARGET, "COPY and csv.writer")
            yield Figure(
                name=f"memory of the process that writes {name}",
                ours=made.memory,
                unit="MB",
                target=f"≤ {MEMORY_TARGET:.0f} MB",
                kept=made.memory <= MEMORY_TARGET,
            )
        made = await asyncio.to_thread(in_a_process, url, accounts, IMPORT, rounds)
        yield _figure(f"{accounts:,} accounts read in", made, IMPORT_TARGET, "csv.reader and insert")
    finally:
        await asyncio.to_thread(stack.close)


def _figure(name: str, made: Measured, target: float, floor: str) -> Figure:
    return Figure(
        name=name,
        ours=statistics.median(made.ours),
        unit="s",
        target=f"≤ {target:g} × the floor",
        kept=made.ratio <= target,
        beside=statistics.median(made.floor),
        beside_what=floor,
        ratio=made.ratio,
        note=f"{made.size:,} bytes",
    )


def main() -> None:
    """Measure one thing for `measure`, or everything with other sizes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child")
    parser.add_argument("--url", default="")
    parser.add_argument("--number", type=int, default=0)
    given = parser.parse_args()
    if given.child:
        asyncio.run(child(given.url, given.number, given.child, given.rounds))
    else:
        asyncio.run(_print(measure(given.lines, given.accounts, given.rounds)))


async def _print(figures: AsyncIterator[Figure]) -> None:
    async for figure in figures:
        print(table([figure]).splitlines()[2], flush=True)


if __name__ == "__main__":
    main()
