"""How times are written: patterns of dates, clocks and zones, and the words that stand in them."""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

_MONTHS = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
)
_OTHER_MONTHS = {"jänner": 1, "jän": 1, "feber": 2, "maerz": 3, "mrz": 3, "fevrier": 2, "aout": 8, "decembre": 12}

FIXED_ZONES = {
    **dict.fromkeys(("Z", "z", "UTC", "utc", "GMT", "gmt", "UT", "WET"), 0),
    **{"EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10},
    **{"WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3},
    **{"JST": 9, "KST": 9, "HKT": 8, "SGT": 8, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13},
}
"""Hours ahead of UTC of abbreviations that mean one offset only."""

NAMED_ZONES = {"ET": "America/New_York", "PT": "America/Los_Angeles", "MSK": "Europe/Moscow"}
SHARED_ZONES = {
    "IST": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "CDT": ("America/Chicago", "America/Havana"),
    "CT": ("America/Chicago", "Asia/Shanghai"),
    "MT": ("America/Denver", "Europe/Malta"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "ADT": ("America/Halifax", "Asia/Riyadh"),
    "GST": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "SST": ("Pacific/Pago_Pago", "Asia/Singapore"),
    "BRT": ("America/Sao_Paulo", "Asia/Brunei"),
}
"""Abbreviations that several zones share: which is meant must be asked."""

_WORD = r"[A-Za-z\x80-\xff]{3,12}"
_WEEKDAY = (
    r"(?:(?P<w>(?:[Mm][OoAaEeIi]|[Tt][UuHhEe]|[Ww][Ee]|[Ff][Rr]|[Ss][AaUuOoEe\xc3]|[Dd][IiOo]|[Ll][Uu]|[Jj][EeUu]|"
    r"[Vv][EeIi]|[Gg][Ii]|[Qq][Uu])[A-Za-z\x80-\xff]*)\.?,? +)?"
)
_YEAR = r"(?P<Y>\d{4}|\d\d)"
_DAY = r"(?P<D>\d{1,2})"
_NTH = r"(?:st|nd|rd|th)?"
_TO_CLOCK = r"(?:,? (?:at |- )?|[T,;_:]|-(?=\d\d:))"
_COLONS = r"(?P<h>\d\d?(?=[:h]|[- ]?[AaPp])|\d\d)(?:[:h](?P<m>\d\d?)(?::(?P<s>\d\d?)(?:[.,:](?P<f>\d{1,9}))?)?)?"
_COMPACT = r"(?P<h>\d\d)(?P<m>\d\d)(?:(?P<s>\d\d)(?:[.,]?(?P<f>\d{1,9}))?)?"
_DOTTED = r"(?P<h>\d\d?)\.(?P<m>\d\d)(?:\.(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
_HALF = r"(?:[- ]?(?P<p>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"(?: ?(?:UTC|GMT)?(?P<zs>[+-])(?P<zh>\d{1,2}):?(?P<zm>\d\d)?(?::00)?| ?(?P<zw>[A-Za-z][A-Za-z0-9_+/-]{0,31}))?"
_DATES = (
    rf"(?P<Y>\d{{4}})(?P<sep>[-/. ])(?P<M>\d{{1,2}})(?P=sep){_DAY}",
    r"(?P<Y>\d{4})(?P<M>\d\d)(?P<D>\d\d)",
    rf"(?P<A>\d{{1,2}})(?P<sep>[-/.] ?)(?P<B>\d{{1,2}})(?P=sep){_YEAR}",
    rf"{_DAY}(?:\.|{_NTH})[-/ ]?(?:de )?(?P<N>{_WORD})\.?[-/, ]{{0,2}}(?:de )?{_YEAR}",
    rf"(?P<N>{_WORD})\.?[- ]?{_DAY}{_NTH}(?:, ?| |-){_YEAR}",
    rf"(?P<Y>\d{{4}})[-/. ]?(?P<N>{_WORD})[-/. ]?{_DAY}",
)
_PERIODS = (
    r"(?P<Y>\d{4})[-/.](?P<M>\d\d)",
    r"(?P<M>\d\d)/(?P<Y>\d{4})",
    rf"(?P<N>{_WORD})\.?[- ]?(?P<Y>\d{{4}})",
    r"(?P<Y>\d{4})[- ]?[Qq](?P<Q>[1-4])",
    r"[Qq](?P<Q>[1-4])[-/ ]?(?P<Y>\d{4})",
)


def _patterns() -> list[re.Pattern[str]]:
    clocks = [rf"{_TO_CLOCK}{clock}{_HALF}{_ZONE}" for clock in (_COLONS, _COMPACT, _DOTTED)]
    stamps = [_WEEKDAY + date + clock for date in _DATES for clock in ("", *clocks)]
    packed = rf"{_DATES[1]}(?P<h>\d\d)(?:(?P<m>\d\d)(?:(?P<s>\d\d)(?:[.,]?(?P<f>\d{{1,9}}))?)?)?{_ZONE}"
    unix = rf"{_WEEKDAY}(?P<N>{_WORD}) {{1,2}}{_DAY} {_COLONS}{_ZONE} (?P<Y>\d{{4}})"
    return [re.compile(pattern) for pattern in (*stamps, packed, unix, *_PERIODS)]


_PATTERNS = _patterns()


def template_of(cell: str) -> re.Match[str] | None:
    """Return where the parts of a time stand, by name: Y M D, or A B Y where day and month may be either.

    ``N`` is a month's name, ``Q`` a quarter, ``w`` a day of the week; ``h m s f p`` the clock (``p`` is A or P);
    ``zs zh zm`` an offset, ``zw`` a zone's name. The text is UTF-8 shown as latin-1, so that places count bytes.

    >>> template_of("2020-01-31 09:30")["h"]
    '09'
    >>> template_of("2020W051") is None
    True
    """
    return next((match for pattern in _PATTERNS if (match := pattern.fullmatch(cell))), None)


@cache
def month_keys() -> dict[int, list[tuple[int, int]]]:
    """Return the keys of all months' names with their number, by length in bytes.

    Names may be cut to three letters or more where no other month begins so.
    """
    numbers: dict[str, set[int]] = {}
    for language in _MONTHS:
        for number, name in enumerate(language.split(), start=1):
            for size in range(3, len(name) + 1):
                numbers.setdefault(name[:size], set()).add(number)
    known = {word: next(iter(which)) for word, which in numbers.items() if len(which) == 1} | _OTHER_MONTHS
    by_length: dict[int, list[tuple[int, int]]] = {}
    for word, number in known.items():
        coded = word.encode("utf-8")
        by_length.setdefault(len(coded), []).append((word_key(coded), number))
    return by_length


def word_key(word: bytes) -> int:
    """Return a number for a word, whatever its case: the same that ``stamps`` computes for whole columns."""
    key = 0
    for byte in word:
        key = (key * 257 + (byte | 0x20)) % 2**64
    return key


@cache
def zone_name(word: str) -> str | None:
    """Return the IANA name or the shared abbreviation that a word behind a time stands for, None for other words.

    >>> zone_name("US/Eastern"), zone_name("ET"), zone_name("CST"), zone_name("hello")
    ('US/Eastern', 'America/New_York', 'CST', None)
    """
    if word in SHARED_ZONES:
        return word
    return NAMED_ZONES.get(word) or (word if word in available_timezones() else None)
