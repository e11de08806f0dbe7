"""Control routes of a webhook sender, the same for both providers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.core.http import BadRequest, controlled, json_object, json_response
from simulators.core.webhooks import WebhookSender

_SWITCHES = {"drop": bool, "duplicate": bool, "corrupt": bool, "delay": float, "factor": float, "batch_window": float}


def webhook_routes(sender: WebhookSender) -> list[Route]:
    """`POST|GET /webhooks`, `POST /webhooks/switches`, `POST /webhooks/retry` for mounting under the provider."""

    async def webhooks(request: Request) -> Response:
        if request.method == "POST":
            body = await json_object(request)
            url, key = body.get("url"), body.get("key", "")
            if not (url is None or isinstance(url, str)) or not isinstance(key, str):
                raise BadRequest("url and key must be strings")
            sender.target(url, key)
        return json_response(_state(sender))

    async def switches(request: Request) -> Response:
        for name, value in (await json_object(request)).items():
            kind = _SWITCHES.get(name)
            if kind is None:
                raise BadRequest(f"unknown switch {name}; known: {', '.join(_SWITCHES)}")
            if kind is bool and not isinstance(value, bool):
                raise BadRequest(f"{name} must be true or false")
            try:
                setattr(sender, name, kind(value))
            except (TypeError, ValueError) as error:
                raise BadRequest(f"{name}: {error}") from error
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
