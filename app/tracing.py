"""Traces, where `OTEL_EXPORTER_OTLP_ENDPOINT` says to send them: from a request over the bell to the provider's API.

Spans say what kind of thing happened, how long it took and how it ended. They hold no query, no path with ids, no body,
no message of an exception: the log has what is fit to be kept, under the request's id. The process's global tracer
provider stays untouched, so that libraries which trace by themselves send nothing through here.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_KINDS: Final = {"server": SpanKind.SERVER, "consumer": SpanKind.CONSUMER, "client": SpanKind.CLIENT}
_CARRIER: Final = "traceparent"
_propagator: Final = TraceContextTextMapPropagator()


class TracingUnavailable(RuntimeError):
    """An endpoint is set, but what sends traces is not installed."""


class _Here:
    """Where this process's spans go: nowhere, until `sending` says otherwise."""

    tracer: Tracer = NoOpTracer()
    on: bool = False


def is_on() -> bool:
    """Whether spans go anywhere."""
    return _Here.on


@contextmanager
def sending(endpoint: str, exporter: "SpanExporter | None" = None) -> Iterator[None]:
    """Send spans to an OTLP endpoint over HTTP while the block runs; tests give an exporter of their own.

    Headers, time-outs and the service's name follow OpenTelemetry's own environment variables. Raises
    TracingUnavailable without the extra `otel`.
    """
    try:
        sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
        export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
        resources: Any = importlib.import_module("opentelemetry.sdk.resources")
        otlp: Any = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ModuleNotFoundError as error:
        raise TracingUnavailable("OTEL_EXPORTER_OTLP_ENDPOINT is set: install tieout[otel], or unset it.") from error
    named = resources.OTELResourceDetector().detect().attributes.get("service.name", "tieout")
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": named}), shutdown_on_exit=False)
    if exporter is None:
        chosen = otlp.OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(export.BatchSpanProcessor(chosen))
    else:
        provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    before = _Here.tracer, _Here.on
    _Here.tracer, _Here.on = provider.get_tracer("tieout"), True
    try:
        yield
    finally:
        _Here.tracer, _Here.on = before
        provider.shutdown()


@contextmanager
def span(
    name: str, kind: Literal["server", "consumer", "client"], parent: str | None = None, **attributes: str | int
) -> Iterator[Span]:
    """One span, the current one while the block runs; below `parent` (see `carried`) if one is given.

    Names of attributes are written with `__` for the dots of OpenTelemetry's: `http__route`.
    """
    context = _propagator.extract({_CARRIER: parent}) if parent else None
    with _Here.tracer.start_as_current_span(
        name,
        context=context,
        kind=_KINDS[kind],
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        record_exception=False,  # its message may hold anything
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:  # a cancelled span has failed too; it goes on as it came
            failed(current, type(error).__name__)
            raise


def failed(current: Span, kind: str) -> None:
    """Mark a span as failed by a kind of error or a status."""
    current.set_attribute("error.type", kind)
    current.set_status(Status(StatusCode.ERROR))


def carried() -> str | None:
    """The current span as one word, for what is done for it elsewhere; None where nothing is traced."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(_CARRIER)
