"""Control routes of a webhook sender, the same for both providers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.checks import choice_of, flag_of, wait_of
from simulators.core.http import Unprocessable, controlled, json_object, json_response
from simulators.core.webhooks import WebhookSender

_FLAGS = ("drop", "duplicate", "corrupt")
_WAITS = ("delay", "factor", "batch_window")
_SWITCHES = (*_FLAGS, *_WAITS)


def webhook_routes(sender: WebhookSender) -> list[Route]:
    """`POST|GET /webhooks`, `POST /webhooks/switches`, `POST /webhooks/retry` for mounting under the provider."""

    async def webhooks(request: Request) -> Response:
        if request.method == "POST":
            body = await json_object(request)
            url, key = body.get("url"), body.get("key", "")
            if not (url is None or isinstance(url, str)) or not isinstance(key, str):
                raise Unprocessable("url and key must be strings")
            sender.target(url, key)
        return json_response(_state(sender))

    async def switches(request: Request) -> Response:
        body = await json_object(request)
        for name in body:
            choice_of(name, "a switch", _SWITCHES)
        flags = {name: flag_of(body, name, getattr(sender, name)) for name in _FLAGS}
        waits = {name: wait_of(body.get(name, getattr(sender, name)), name) for name in _WAITS}
        for name, value in (flags | waits).items():
            setattr(sender, name, value)
        return json_response(_state(sender))

    async def retry(_request: Request) -> Response:
        sender.retry_now()
        return json_response(_state(sender))

    return [
        Route("/webhooks", controlled(webhooks), methods=["GET", "POST"]),
        Route("/webhooks/switches", controlled(switches), methods=["POST"]),
        Route("/webhooks/retry", controlled(retry), methods=["POST"]),
    ]


def _state(sender: WebhookSender) -> dict[str, object]:
    return {
        "url": sender.url,
        "switches": {name: str(v) if isinstance(v := getattr(sender, name), float) else v for name in _SWITCHES},
        "deliveries": [
            {
                "at": d.at.isoformat(),
                "status": d.status,
                "attempts": d.attempts,
                "done": d.done,
                "body": d.body.decode(),
            }
            for d in sender.deliveries
        ],
    }
