"""Decimal money and exact JSON: no binary floating point on the way in or out."""

import json
import re
import secrets
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")

# json has no hook that writes a bare number, so a Decimal leaves as a marked string and loses its quotes
# afterwards; the mark is random per process so that no caller's text can imitate it.
_MARK = f"@dec-{secrets.token_hex(12)}:"
_QUOTED = re.compile(f'"{_MARK}([-+0-9.E]+)"')
# Beyond so many places a number is written with an exponent, as somebody sent it: 1e999999 has a million zeros.
_PLACES = 60


def q2(x: Decimal) -> Decimal:
    """Round half up to two places, as both vendors round amounts."""
    return x.quantize(CENT, rounding=ROUND_HALF_UP)


def js(x: Decimal) -> Decimal:
    """The same number without trailing zeros or exponent: 100.00 -> 100, 26.820 -> 26.82."""
    text = format(x, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal(0) if text in ("-0", "") else Decimal(text)


def loads(raw: bytes | str) -> Any:
    """Parse JSON with every non-integer number as Decimal. Raises ValueError when it is not JSON."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(obj: object, *, trim: bool = False) -> bytes:
    """UTF-8 JSON; Decimals are written exactly as they are, or without trailing zeros when `trim`."""

    def default(value: object) -> str:
        if isinstance(value, Decimal) and abs(value.adjusted()) > _PLACES:
            return _MARK + str(value)
        if isinstance(value, Decimal):
            return _MARK + format(js(value) if trim else value, "f")
        raise TypeError(f"cannot write {type(value).__name__} as JSON")

    text = json.dumps(obj, default=default, ensure_ascii=False, separators=(",", ":"))
    # Half of a surrogate pair can be sent (as an escape) but not written: it leaves as a question mark.
    return _QUOTED.sub(r"\1", text).encode(errors="replace")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
