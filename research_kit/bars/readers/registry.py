"""The readers there are, and the choice of one by looking at a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from research_kit.bars.readers.base import Reader, Source
from research_kit.bars.readers.columnar import ArrowFile, Parquet
from research_kit.bars.readers.json_text import Json
from research_kit.bars.readers.lean import Lean
from research_kit.bars.readers.sniff import decode_head
from research_kit.bars.readers.text import DelimitedText
from research_kit.bars.readers.tick_text import TickText
from research_kit.bars.readers.vendors.all import VENDORS
from research_kit.bars.readers.vendors.layout import VendorText
from research_kit.bars.readers.wide import WideText
from research_kit.errors import UnknownFormatError

READERS: tuple[Reader, ...] = (
    Parquet(), ArrowFile(), Json(), Lean(), *VENDORS, TickText(), WideText(), DelimitedText()
)  # fmt: skip
"""All readers, the most particular first: the first that recognises a file reads it."""

_MAGIC = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"SQLite format 3": "an SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office file",
    b"\x93NUMPY": "a NumPy array",
    b"\x28\xb5\x2f\xfd": "a file packed with zstd; unpack it first",
    b"BZh": "a file packed with bzip2; unpack it first",
    b"\xfd7zXZ": "a file packed with xz; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"\x80\x04": "a Python pickle, which is never read because it could run code",
    b"\x80\x05": "a Python pickle, which is never read because it could run code",
}


def choose_reader(source: Source, readers: Sequence[Reader] = READERS) -> tuple[Reader, str]:
    """Return the first reader that recognises the file, and its sentence on what it recognised.

    Raises
    ------
    UnknownFormatError
        No reader does; the message says what was seen.
    """
    for reader in readers:
        sentence = reader.recognise(source)
        if sentence is not None:
            return reader, f"{sentence}, packed with {source.container}" if source.container else sentence
    vendors = [reader for reader in readers if isinstance(reader, VendorText)]
    known = ", ".join(reader.name for reader in readers if reader not in vendors)
    known += f", and the text of {len(vendors)} vendors" if vendors else ""
    raise UnknownFormatError(f"{source.name} is {what_was_seen(source.head)}. What can be read: {known}.")


def what_was_seen(head: bytes) -> str:
    """Return in words what the first bytes of an unknown file look like.

    >>> what_was_seen(b"<!DOCTYPE html><html><title>503 Service Unavailable</title>")
    "an HTML page ('503 Service Unavailable')"
    >>> what_was_seen(b"")
    'an empty file'
    """
    if not head.strip():
        return "an empty file"
    for magic, words in _MAGIC.items():
        if head.startswith(magic):
            return words
    decoded = decode_head(head)
    if decoded is None:
        return f"binary data (a NUL byte at position {head.index(0):,}), or damaged text"
    return _text_in_words(decoded[0].strip())


def _text_in_words(text: str) -> str:
    if re.match(r"<(!doctype html|html|head|body)", text, re.IGNORECASE):
        title = re.search(r"<title>\s*([^<]{1,80})", text, re.IGNORECASE)
        return f"an HTML page ({title[1].strip()!r})" if title else "an HTML page"
    if text.startswith(("<?xml", "<")):
        return "an XML document"
    if text.startswith(("{", "[")):
        return f"JSON text ({text[:60]!r})"
    return f"text, but no table with times and prices in columns; it begins with {text[:60]!r}"
