"""One trace from the request over the job to the provider's API, and nothing in it that is somebody's secret."""

import importlib
from collections.abc import AsyncIterator, Callable

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app import tracing
from app.settings import Settings
from tests.support.api import BOOKS, open_api
from tests.support.haystack import Haystack, connect, database_values, open_haystack, own_secrets
from tests.support.processes import until
from tests.support.world import SIM

COMPANY = "9341452900000001"
MEMO = "Traced-Memo-3b7f"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def stack(make_settings: Callable[..., Settings], spans: InMemorySpanExporter) -> AsyncIterator[Haystack]:
    with tracing.sending("http://127.0.0.1:9", spans):
        async with open_haystack(make_settings(sim_url=SIM, log_level="DEBUG", lease_seconds=2)) as opened:
            yield opened


def story(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    """The request of this name, the job below it, and the calls below that; empty where there is no such line."""
    finished = spans.get_finished_spans()
    for request in (one for one in finished if one.name == name):
        for job in (one for one in finished if one.parent and one.parent.span_id == request.context.span_id):
            calls = [one for one in finished if one.parent and one.parent.span_id == job.context.span_id]
            if calls:
                return [request, job, *calls]
    return []


def shown(span: ReadableSpan) -> str:
    """All that a span says."""
    events = [(event.name, dict(event.attributes or {})) for event in span.events]
    return f"{span.name} {dict(span.attributes or {})} {events} {span.status.description}"


async def test_a_push_is_one_trace_from_the_request_to_the_providers_answer(
    stack: Haystack, spans: InMemorySpanExporter, owner_url: str
) -> None:
    world = stack.world
    firm = await world.firm()
    async with open_api(world) as api:
        _, key = await api.key(firm)
    connection = await connect(stack, key, "quickbooks", COMPANY)
    await world.map_codes(firm, "quickbooks")
    client = await world.client(firm)
    route = "POST /api/v1/accounting/connections/{connection_id}/sync_invoice"

    async def traced() -> list[ReadableSpan]:
        invoice = await world.invoice(firm, client, memo=MEMO)
        path = f"{BOOKS}/connections/{connection}/sync_invoice?canary=Traced-Query-77"
        answer = await stack.call(key, "POST", path, json={"invoice_id": invoice})
        assert answer.json()["success"] is True
        return story(spans, route)

    # A worker that happens to look by itself takes the work without the bell; then the next push tells the story.
    request, job, *calls = await until("a push is traced", traced)
    assert len({span.context.trace_id for span in (request, job, *calls)}) == 1
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert len(str(request.attributes["tieout.request_id"])) == 16
    assert job.name == "connection_work"
    assert {call.attributes["server.address"] for call in calls if call.attributes} == {"localhost"}
    assert "POST" in {call.name for call in calls}

    said = "\n".join(map(shown, spans.get_finished_spans()))
    secrets = stack.vendors.secrets | own_secrets(world.runtime.settings, key)
    assert len(secrets) > 10
    held = [what for secret, what in secrets.items() if secret in said]
    assert held == []
    for text in (MEMO, COMPANY, "Traced-Query-77", "?"):
        assert text not in said
    stored = "\n".join(text for place, text in await database_values(owner_url) if place != "procrastinate_jobs.args")
    assert "traceparent" not in stored, "a trace lives as long as its job"


async def test_a_call_that_fails_is_seen_to_have_failed(stack: Haystack, spans: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), tracing.span("GET", "client", None, http__request__method="GET"):
        raise RuntimeError(MEMO)
    (span,) = [one for one in spans.get_finished_spans() if one.name == "GET" and not one.status.is_ok]
    assert span.attributes is not None
    assert span.attributes["error.type"] == "RuntimeError"
    assert MEMO not in shown(span)


def test_without_an_endpoint_nothing_is_traced_or_carried() -> None:
    assert not tracing.is_on()
    with tracing.span("GET", "client") as span:
        assert not span.is_recording()
        assert tracing.carried() is None


def test_an_endpoint_without_the_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(tracing.TracingUnavailable, match=r"install tieout\[otel\]"), tracing.sending("http://x"):
        pass


async def test_what_is_sent_goes_to_the_endpoint_of_the_settings(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318/")
    assert settings.otel_exporter_otlp_endpoint == "http://127.0.0.1:4318"
