"""Text from outside (names, labels, errors) made harmless for the places where Plotly reads markup; signed percents."""

from __future__ import annotations

import unicodedata

# Plotly reads tags and entities in every text, $…$ as TeX where MathJax is loaded, and %{…} in hover templates.
_MARKUP = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "$": "&#36;", "{": "&#123;", "}": "&#125;"}
)
_CONTROL = ("Cc", "Cs", "Zl", "Zp")  # control characters, lone surrogates, line separators
_DIRECTION = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def escape_text(text: object, limit: int = 120) -> str:
    """Return the text as Plotly shows it letter by letter: no tags, links, TeX or placeholders.

    Control and direction characters become spaces; what is longer than `limit` characters ends in an ellipsis.

    >>> escape_text("<b>SPY</b> & 50 %{x}")
    '&lt;b&gt;SPY&lt;/b&gt; &amp; 50 %&#123;x&#125;'
    """
    plain = " ".join("".join(" " if _is_hidden(sign) else sign for sign in str(text)[: 4 * limit]).split())
    if len(plain) > limit:
        plain = plain[: limit - 1].rstrip() + "…"
    return plain.translate(_MARKUP)


def signed_percent(value: float, digits: int = 1) -> str:
    """Return a fraction as a percent with its sign; what is written as zero has none.

    >>> signed_percent(0.0123), signed_percent(-0.0001), signed_percent(12.345, 0)
    ('+1.2%', '0.0%', '+1,234%')
    """
    text = f"{value:+,.{digits}%}"
    return text if text.strip("+-0.%") else text[1:]


def _is_hidden(sign: str) -> bool:
    return sign in _DIRECTION or unicodedata.category(sign) in _CONTROL
