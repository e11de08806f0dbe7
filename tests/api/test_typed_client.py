"""A client made of our published document, as an integrator makes one: it compiles, it type-checks, it works."""

import compileall
import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api import Api

DOCS = Path(__file__).resolve().parents[2] / "docs"
BIN = Path(sys.executable).parent
NAME = "tieout_client"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that holds the package, importable meanwhile. A warning would mean that something is missing in it."""
    folder = tmp_path_factory.mktemp("client")
    subprocess.run(
        [
            *(BIN / "openapi-python-client", "generate", "--path", DOCS / "openapi.json"),
            *("--config", DOCS / "openapi-python-client.yaml"),
            *("--meta", "none", "--output-path", folder / NAME, "--fail-on-warning"),
        ],
        check=True,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
    )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def part(name: str) -> Any:
    return importlib.import_module(f"{NAME}.{name}")


def test_every_module_compiles_and_can_be_imported(folder: Path) -> None:
    assert compileall.compile_dir(str(folder), quiet=2)
    package = importlib.import_module(NAME)
    names = [one.name for one in pkgutil.walk_packages(package.__path__, f"{NAME}.")]
    assert len(names) > 250
    for name in names:
        importlib.import_module(name)


def test_what_is_made_of_our_document_type_checks(folder: Path) -> None:
    """`client.py` is the generator's own and not ours to check."""
    done = subprocess.run(
        [BIN / "mypy", "--strict", "--follow-imports=silent", f"{NAME}/api", f"{NAME}/models"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_every_operation_has_a_function_of_its_name(folder: Path, api_operations: set[str]) -> None:
    made = {path.stem for path in (folder / NAME / "api").glob("*/*.py")} - {"__init__"}
    assert made == api_operations


@pytest.fixture
def api_operations(api: Api) -> set[str]:
    paths = api.app.openapi()["paths"]
    return {operation["operationId"] for methods in paths.values() for operation in methods.values()}


async def test_it_keeps_books(folder: Path, api: Api) -> None:
    firm = await api.world.firm()
    _, key = await api.key(firm)
    books, models = part("api.books"), part("models")
    for name in ("client_upsert", "client_list", "invoice_upsert"):
        part(f"api.books.{name}")
    client = part("client").AuthenticatedClient(base_url="http://localhost:8000", token=key)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=api.app),
        base_url="http://localhost:8000",
        headers={"Authorization": f"Bearer {key}"},
    ) as http:
        client.set_async_httpx_client(http)
        acme = models.ClientIn(name="Acme", external_ref="acme", currency="USD")
        made = await books.client_upsert.asyncio(client=client, body=acme)
        assert isinstance(made, models.ClientAnswer)
        listed = await books.client_list.asyncio(client=client, search="Acm")
        assert isinstance(listed, models.ClientPage)
        assert [one.name for one in listed.items] == ["Acme"]
        line = models.LineIn(unit_price="10.00", quantity="2", description="Planting")
        invoice = models.InvoiceIn(
            number="INV-1",
            client_ref="acme",
            issue_date=made.created_at.date(),
            due_date=made.created_at.date(),
            currency="USD",
            lines=[line],
            subtotal="20.00",
            tax_total="0",
            total="20.00",
        )
        stored = await books.invoice_upsert.asyncio(client=client, body=invoice)
        assert isinstance(stored, models.InvoiceAnswer)
        assert (stored.number, stored.total) == ("INV-1", "20.00")
        refused = await books.invoice_upsert.asyncio(
            client=client, body=models.InvoiceIn.from_dict({**invoice.to_dict(), "number": "INV-2", "total": "21.00"})
        )
        assert isinstance(refused, models.Problem)
        assert refused.code
