"""How text is encoded, worked out from its first bytes."""

from __future__ import annotations

import codecs
import re

from research_kit.bars.columns.names import is_common_name

_MARKS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32", 4),
    (codecs.BOM_UTF32_BE, "utf-32", 4),
    (codecs.BOM_UTF16_LE, "utf-16", 2),
    (codecs.BOM_UTF16_BE, "utf-16", 2),
)
_EAST_ASIAN = ("gb18030", "cp932", "big5", "cp949")
_LOOKED_AT = 1 << 13
_KANA = re.compile(r"[\u3041-\u30fa]")
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+[\x40-\xff]?")


def decode_head(head: bytes) -> tuple[str, str] | None:
    r"""Return the text of a head without its mark and the name of its encoding, None when it is binary.

    Bytes that are no UTF-8 are Chinese, Japanese or Korean where they spell a column's name so or stand in pairs, else
    western European.

    >>> decode_head("Eröffnung".encode("latin-1"))
    ('Eröffnung', 'latin-1')
    >>> decode_head("日期,收盘\n".encode("gbk"))
    ('日期,收盘\n', 'gb18030')
    >>> decode_head(b"a\x00b") is None
    True
    """
    for mark, encoding, size in _MARKS:
        if head.startswith(mark):
            text = head[: len(head) // size * size].decode(encoding, errors="replace")
            return text.removeprefix("\ufeff"), encoding
    if head.startswith(codecs.BOM_UTF8):
        return head[3:].decode("utf-8", errors="replace"), "utf-8-sig"
    if b"\0" in head:
        wide = _unmarked(head[:_LOOKED_AT])
        return (codecs.getincrementaldecoder(wide)(errors="replace").decode(head), wide) if wide else None
    plain = _decoded(head, "utf-8")
    if plain is not None:
        return plain, "utf-8"
    encoding = _east_asian(head) or ("cp1252" if _is_cp1252(head) else "latin-1")
    return head.decode(encoding, errors="replace"), encoding


def _decoded(head: bytes, encoding: str) -> str | None:
    """Return the text, None where it is not in this encoding; a cut within the last character is no fault."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None


def _unmarked(head: bytes) -> str:
    """Return which of the wide encodings has its zeros where they are, ``""`` for binary content.

    Digits, signs and delimiters have one byte that is not zero; most of a price file is made of them.
    """
    for encoding, size, at in (("utf-32-le", 4, 0), ("utf-32-be", 4, 3), ("utf-16-le", 2, 0), ("utf-16-be", 2, 1)):
        units = len(head) // size
        full = head[at : units * size : size]
        zeros = sum(head[other : units * size : size].count(0) for other in range(size) if other != at)
        if (
            units >= 4
            and full.count(0) <= 0.1 * units
            and zeros >= 0.7 * units * (size - 1)
            and _decoded(head, encoding)
        ):
            return encoding
    return ""


def _east_asian(head: bytes) -> str:
    """Return the encoding under which most names of columns are known, or that the pairs of bytes speak for."""
    head = head[:_LOOKED_AT]
    texts = {encoding: text for encoding in _EAST_ASIAN if (text := _decoded(head, encoding)) is not None}
    known = {encoding: _known_names(text) for encoding, text in texts.items()}
    best = max(known, key=lambda encoding: known[encoding], default="")
    if best and known[best]:
        return best
    runs: list[bytes] = _HIGH_RUNS.findall(head)
    if sum(map(len, runs)) < 3 * len(runs):  # single letters with an accent stand between plain ones
        return ""
    if "cp932" in texts and (_KANA.search(texts["cp932"]) or "gb18030" not in texts):
        return "cp932"
    return "gb18030" if "gb18030" in texts else ""


def _known_names(text: str) -> int:
    words = {word.strip().strip("\"'<>") for word in re.split(r"[,;\t|^\r\n]", text[:2000])}
    return sum(not word.isascii() and is_common_name(word) for word in words)


def _is_cp1252(head: bytes) -> bool:
    return any(0x80 <= byte < 0xA0 for byte in head[:_LOOKED_AT]) and _decoded(head, "cp1252") is not None
