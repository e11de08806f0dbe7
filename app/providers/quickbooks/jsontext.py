"""JSON with exact numbers: Decimals are read and written digit for digit, never through a binary float."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn


def dumps(value: object) -> bytes:
    """Write `value` as compact UTF-8 JSON; a Decimal as a plain number without trailing zeros or exponent.

    Raises ValueError for NaN and infinities, TypeError for a type JSON has no word for (a float among them).
    """
    return "".join(_pieces(value)).encode("utf-8")


def loads(body: bytes) -> object:
    """Read JSON with every number that has a fraction as Decimal. Raises ValueError for anything that is not JSON."""
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse)


def number_text(number: Decimal) -> str:
    """The shortest plain spelling: 100.00 as `100`, 26.820 as `26.82`, 1E+3 as `1000`, -0 as `0`."""
    if not number.is_finite():
        raise ValueError(f"{number} has no JSON spelling")
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def _pieces(value: object) -> list[str]:
    if isinstance(value, Decimal):
        return [number_text(value)]
    if value is None or isinstance(value, str | bool | int):
        return [json.dumps(value, ensure_ascii=False)]
    if isinstance(value, Mapping):
        names = (json.dumps(str(name), ensure_ascii=False) for name in value)
        members = [f"{name}:{''.join(_pieces(item))}" for name, item in zip(names, value.values(), strict=True)]
        return ["{", ",".join(members), "}"]
    if isinstance(value, list | tuple):
        return ["[", ",".join("".join(_pieces(item)) for item in value), "]"]
    raise TypeError(f"{type(value).__name__} has no JSON spelling")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
