"""Guards that turn a design rule into an error: no HTTP request leaves while a database transaction is open."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)


class HttpInsideTransaction(RuntimeError):
    """A provider call was about to hold a database connection for as long as the vendor takes."""


@contextmanager
def transaction_open() -> Iterator[None]:
    """Mark the current task as being inside a database transaction."""
    token = _open_transactions.set(_open_transactions.get() + 1)
    try:
        yield
    finally:
        _open_transactions.reset(token)


def forbid_open_transaction(what: str) -> None:
    """Raise `HttpInsideTransaction` when the current task has a transaction open."""
    if _open_transactions.get():
        raise HttpInsideTransaction(f"{what} inside a database transaction")
