"""Structured JSON logs, one object per line, with a request id and without secrets.

Everything passes one redactor right before it is written: our own events, those of libraries, and exception texts.
Secrets are recognised by the name they stand under and by their looks: a net under the rule that nobody logs them.
"""

import logging
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED: Final = "[redacted]"

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_FIT_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Log the public code of an error as `error_code`: `code` and `state` are OAuth's, and secrets.
_SECRET_NAME = re.compile(
    r"token|secret|authorization|passw(or)?d|api_?key|cookie|verifier|encryption_keys|signature|database_url"
    r"|^(code|state|dsn|jwt|credentials?)$",
    re.IGNORECASE,
)
_PARAMETER = r"(?:code|state|password|api_key|signature|code_verifier|\w*token|\w*secret)"
_RULES: Final = (
    # Schemes of the Authorization header, in any text.
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # JSON Web Tokens, signed (three parts) or encrypted (five: Intuit's access tokens).
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*)+"), REDACTED),
    (re.compile(r"\btieout_[a-z0-9]+_\w+"), REDACTED),
    # user:password@ in an address.
    (re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@"), rf"\1:{REDACTED}@"),
    # name=value in queries and forms; "name": "value" in JSON and in Python's repr.
    (re.compile(rf"\b({_PARAMETER})=[^&\s\"'<>,;]+", re.IGNORECASE), rf"\1={REDACTED}"),
    (re.compile(rf"([\"']{_PARAMETER}[\"']\s*:\s*)([\"'])(?:\\.|(?!\2).)*\2", re.IGNORECASE), rf"\1\2{REDACTED}\2"),
    # The same where JSON stands escaped inside another string.
    (re.compile(rf"(\\+\"{_PARAMETER}\\+\"\s*:\s*)(\\+\")(?:(?!\2).)*\2", re.IGNORECASE), rf"\1\2{REDACTED}\2"),
)
_LONG_WORD = re.compile(r"[\w-]{40,}")
_QUERY = re.compile(r"\?[^\s\"']*")
# What vendors name companies and records by, as a part of a path: long numbers and UUIDs.
_IDENTIFIER = re.compile(r"(?<=/)(?:\d{9,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=[/\s\"']|$)", re.IGNORECASE)
_TALKS_IN_URLS = frozenset({"httpx", "httpcore", "uvicorn.access"})
_OURS_TO_ROUTE = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "httpx",
    "httpcore",
    "authlib",
    "procrastinate",
    "alembic",
)


def configure_logs(level: str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's records through one redacting JSON formatter to `stream` (stderr).

    Start uvicorn with `log_config=None`: its handlers would write past the redactor.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _add_request_id,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared, _drop_queries],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact_event,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _OURS_TO_ROUTE:
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
        library.disabled = False
        library.setLevel(logging.NOTSET)
    logging.captureWarnings(capture=True)


@contextmanager
def bind_request(request_id: str | None = None, **fields: object) -> Iterator[str]:
    """Give every record of this task one request id (a new one if none or an unfit one is given) and `fields`."""
    fit = request_id is not None and _FIT_ID.fullmatch(request_id)
    chosen = request_id if fit and request_id else secrets.token_hex(8)
    token = _request_id.set(chosen)
    try:
        if fields:
            with structlog.contextvars.bound_contextvars(**fields):
                yield chosen
        else:
            yield chosen
    finally:
        _request_id.reset(token)


def current_request_id() -> str | None:
    """The id `bind_request` set for this task, for problem documents and audit events."""
    return _request_id.get()


def redact(value: object, name: str = "") -> object:
    """A copy of `value` without secrets; `name` is what it stands under. Mappings and sequences are searched."""
    if value is None or isinstance(value, bool):
        return value
    if name and _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, Mapping):
        return {str(key): redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item) for item in value]
    if isinstance(value, (int, float)):
        return value
    return redact_text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))


def redact_text(text: str) -> str:
    """`text` with everything that looks like a credential replaced."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _LONG_WORD.sub(_hide_random, text)


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last processor before rendering."""
    return {key: redact(value, key) for key, value in event.items()}


def _hide_random(match: re.Match[str]) -> str:
    """Opaque tokens (both vendors' refresh tokens) are long runs mixing cases and digits; hashes and UUIDs are not."""
    word = match.group()
    mixed = any(map(str.isupper, word)) and any(map(str.islower, word)) and any(map(str.isdigit, word))
    return REDACTED if mixed else word


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if (request_id := _request_id.get()) is not None:
        event["request_id"] = request_id
    return event


def _drop_queries(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Access logs name the path alone, without ids of companies: callbacks carry codes, lists names of clients."""
    if str(event.get("logger", "")) in _TALKS_IN_URLS:
        event["event"] = _IDENTIFIER.sub("…", _QUERY.sub("", str(event["event"])))
    return event
