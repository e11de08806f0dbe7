"""A file that was looked at and travels with the page, so that it is imported without being chosen again."""

import base64
import binascii
import zlib
from typing import Final

from app.edge.middleware import MAX_FILE_BYTES
from app.errors import Invalid

_MOST: Final = 700_000  # of base64: a field of a form is read up to a megabyte


def pack(data: bytes) -> str:
    """The file as text for a hidden field; "" where it is too large for one."""
    packed = base64.b64encode(zlib.compress(data)).decode()
    return packed if len(packed) <= _MOST else ""


def unpack(text: str) -> bytes:
    """The file again. Raises Invalid for what `pack` did not make."""
    opened = zlib.decompressobj()
    try:
        data = opened.decompress(base64.b64decode(text, validate=True), MAX_FILE_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        data = b""
    if not data or not opened.eof:
        raise Invalid("The file did not come along whole.", code="file_missing", fix="Choose the file again.")
    return data
