"""`/connections`: where a browser ends after connecting when no other address was asked for."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter()

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tieout</title></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>"""
_WORDS = {
    "connected": ("Connected", "The company is connected. Nothing has been written yet. You may close this window."),
    "waiting": ("One more step", "Go back to the application you came from: it finishes the connection."),
    "access_denied": ("Not connected", "You did not allow the connection. Nothing was changed."),
    "failed": ("Not connected", "The connection was not made. Begin again from your application. Reason: {reason}"),
}


@router.get("/connections", include_in_schema=False)
async def landed(
    connection_id: str = "", completion_token: str = "", selection_token: str = "", code: str = ""
) -> HTMLResponse:
    """Say in words how the journey ended; the page shows no token and starts nothing."""
    if connection_id:
        title, text = _WORDS["connected"]
    elif completion_token or selection_token:
        title, text = _WORDS["waiting"]
    else:
        title, text = _WORDS.get(code, _WORDS["failed"])
    shown = text.format(reason=escape(code or "none given"))
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HTMLResponse(_PAGE.format(title=title, text=shown), headers=headers)
