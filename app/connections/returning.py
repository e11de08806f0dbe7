"""Where a connect journey may send the browser at its end, and with which words in the query."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from app.errors import Invalid
from app.settings import Settings

HOME = "/connections"
"""Our own page, for journeys without a return address and for those whose state nobody knows."""
_LONGEST = 2000


def checked(settings: Settings, url: str) -> str:
    """A return address as given, if it is a path of our own or stands on the allow list; "" stays "".

    Raises Invalid with code `return_url_not_allowed`: anything else would make us forward people, and the tokens in the
    query, to whoever wrote the link (`//evil`, `/\\evil`, another host, a line break in a header).
    """
    if not url:
        return ""
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        raise _refusal()
    try:
        parts = urlsplit(url)
        allowed = [urlsplit(one) for one in settings.return_urls]
        own = urlsplit(settings.public_url)
    except ValueError:
        raise _refusal() from None
    if parts.fragment:
        raise _refusal()
    if not parts.scheme and not parts.netloc and url.startswith("/") and not url.startswith("//"):
        return url
    here = (parts.scheme, parts.netloc)
    if here == (own.scheme, own.netloc):
        return url
    if any(here == (one.scheme, one.netloc) and parts.path.rstrip("/") == one.path.rstrip("/") for one in allowed):
        return url
    raise _refusal()


def with_words(url: str, words: Mapping[str, str]) -> str:
    """`url` with these parameters added to its query; empty ones are left out."""
    parts = urlsplit(url or HOME)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *((name, word) for name, word in words.items() if word)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _refusal() -> Invalid:
    return Invalid(
        "The return address is neither a path of this service nor on its list of allowed addresses.",
        code="return_url_not_allowed",
        who="operator",
        fix="Add the address to RETURN_URL_ALLOWLIST.",
    )
