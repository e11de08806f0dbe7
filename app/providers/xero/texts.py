"""What Xero takes as text. Pure."""

from collections.abc import Iterator

from app.errors import Fault


def too_long(field: str, what: str, value: str, limit: int) -> Iterator[Fault]:
    """The fault of a text above its limit in characters."""
    if len(value) > limit:
        yield Fault(
            "text_too_long",
            f"Xero takes at most {limit} characters for {what}; this one has {len(value)}.",
            fix="Shorten it.",
            field=field,
        )
