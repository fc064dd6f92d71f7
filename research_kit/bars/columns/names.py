"""What columns are called: by vendors, and in other languages."""

from __future__ import annotations

import re
import unicodedata

ALIASES: dict[str, tuple[str, ...]] = {
    "open": (
        *("open", "o", "open_price", "opening_price", "price_open", "px_open", "openprc", "first", "first_price"),
        *("eröffnung", "eröffn", "eröffnungskurs", "erster", "ouverture", "ouv", "apertura", "abertura", "otwarcie"),
        *("openen", "открытие", "开盘", "开盘价", "開盤", "開盤價", "始値", "시가", "açılış"),
        *("mid_open", "midopen", "bid_open", "bidopen", "open_bid", "openbid"),
    ),
    "high": (
        *("high", "h", "high_price", "highest", "highest_price", "price_high", "px_high", "askhi", "max"),
        *("hoch", "höchst", "höchstkurs", "tageshoch", "plus_haut", "haut", "máximo", "máxima", "max_price", "massimo"),
        *("alto", "najwyższy", "hoog", "максимум", "макс", "最高", "最高价", "最高價", "高値", "고가", "yüksek"),
        *("mid_high", "midhigh", "bid_high", "bidhigh", "high_bid", "highbid"),
    ),
    "low": (
        *("low", "l", "low_price", "lowest", "lowest_price", "price_low", "px_low", "bidlo", "min"),
        *("tief", "tiefst", "tiefstkurs", "tagestief", "plus_bas", "bas", "mínimo", "mínima", "min_price", "minimo"),
        *("bajo", "najniższy", "laag", "минимум", "мин", "最低", "最低价", "最低價", "安値", "저가", "düşük"),
        *("mid_low", "midlow", "bid_low", "bidlow", "low_bid", "lowbid"),
    ),
    "close": (
        *("close", "c", "close_price", "closing_price", "price_close", "close_last", "last", "last_price", "price"),
        *("px_last", "last_traded_price", "ltp", "settle", "settlement", "settlement_price", "settle_price", "prc"),
        *("latest", "schluss", "schlusskurs", "zuletzt", "letzter", "kurs", "clôture", "dernier", "cierre", "último"),
        *("chiusura", "ultimo", "fechamento", "precio", "prix", "prezzo", "preço", "zamknięcie", "закрытие"),
        *("цена", "收盘", "收盘价", "收盤", "收盤價", "終値", "종가", "kapanış", "şimdi"),
        *("mid_close", "midclose", "bid_close", "bidclose", "close_bid", "closebid"),
    ),
    "adj_close": (
        *("adj_close", "adjclose", "adjusted_close", "close_adj", "close_adjusted", "adjusted", "adj_close_price"),
        *("复权收盘价", "調整後終値"),
    ),
    "volume": (
        *("volume", "vol", "v", "total_volume", "base_volume", "volume_base", "volumefrom", "volume_from", "px_volume"),
        *("total_traded_quantity", "ttl_trd_qnty", "tottrdqty", "traded_quantity", "shares_traded", "trade_volume"),
        *("volumen", "umsatz", "stück", "volumes", "volumi", "quantity", "qty", "wolumen", "объем", "объём"),
        *("成交量", "出来高", "거래량", "hacim", "volume_btc", "real_volume", "realvolume"),
        *("tick_volume", "tickvolume", "tickvol", "tick_count", "tickqty"),
        *("turnover", "amount", "quote_volume", "volume_quote", "volumeto", "volume_to", "volume_usd", "volume_usdt"),
        *("quote_asset_volume", "成交额", "成交金额", "売買代金", "거래대금"),
    ),
}
"""Names by what they are, likely ones first: of several columns the first of this order is taken."""

MOMENTS = (
    *("datetime", "date_time", "timestamp", "time_stamp", "open_time", "opentime", "start_time", "bar_time"),
    *("gmt_time", "utc_time", "local_time", "unix", "unix_timestamp", "epoch", "ts", "t", "index_level_0"),
    *("time_utc", "utc", "date_utc", "datetime_utc", "timestamp_utc", "time_gmt", "date_gmt", "unix_time", "unixtime"),
    *("epoch_ms", "timestamp_ms", "open_timestamp", "open_time_ms", "start_timestamp", "period_start", "bar_start"),
    *("starttime", "begin", "begins_at", "start", "datum_zeit", "datumzeit", "date_heure", "fecha_hora", "data_ora"),
    *("data_hora", "日時", "日期时间", "日付時刻"),
)
DATES = (
    *("date", "day", "trade_date", "trading_date", "tradingday", "price_date", "datum", "fecha", "data"),
    *("дата", "日期", "交易日期", "日付", "年月日", "날짜", "일자", "tarih", "caldt", "dt", "yyyymmdd"),
)
CLOCKS = (
    *("time", "time_of_day", "hour", "zeit", "uhrzeit", "heure", "hora", "ora", "godzina", "czas", "время"),
    *("时间", "交易时间", "時刻", "時間", "시간", "saat", "hhmm", "hhmmss"),
)
SYMBOLS = ("symbol", "ticker", "instrument", "pair", "product", "ts_code", "股票代码", "代码", "銘柄コード", "isin")


def plain_name(name: str) -> str:
    """Return a header's name in lower case, words joined by underscores, without decoration.

    >>> plain_name("<CLOSE>"), plain_name("Close/Last"), plain_name("Adj. Close"), plain_name("1. open")
    ('close', 'close_last', 'adj_close', 'open')
    """
    plain = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name).strip().lower()).strip("_")
    return re.sub(r"^(\d+|candlestick)_+(?=\D)", "", plain)


def name_key(name: str) -> str:
    """Return a name as it is compared: plain, without accents.

    >>> name_key("Último") == name_key("ULTIMO")
    True
    """
    letters = unicodedata.normalize("NFD", plain_name(name))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def bare_key(name: str) -> str:
    """Return a name as it is compared, without the unit that stands behind it in brackets.

    >>> bare_key("Close (USD)"), bare_key("Volume [lots]"), bare_key("(x)")
    ('close', 'volume', 'x')
    """
    bare = re.sub(r"\s*[(\[（【].*?[)\]）】]\s*$", "", unicodedata.normalize("NFC", name))
    return name_key(bare or name)


_PARTS = {
    **dict.fromkeys(map(name_key, MOMENTS), "time"),
    **dict.fromkeys(map(name_key, DATES), "date"),
    **dict.fromkeys(map(name_key, CLOCKS), "time"),
    **{name_key(alias): part for part, aliases in ALIASES.items() for alias in aliases},
}
_ANY_VOLUME = re.compile(r"vol(ume)?_[a-z0-9]{2,8}")


def is_common_name(name: str) -> bool:
    """Return whether a header's name is one of those that are known.

    >>> is_common_name("Adj Close"), is_common_name("收盘价"), is_common_name("hello")
    (True, True, False)
    """
    return name_key(name) in _PARTS or bare_key(name) in _PARTS


def part_of(name: str) -> str:
    """Return what a column of this name is (``"time"``, ``"close"`` ...), else its plain name."""
    return _PARTS.get(name_key(name)) or _PARTS.get(bare_key(name)) or plain_name(name)


def candidates(part: str, names: list[str]) -> list[str]:
    """Return the names that a part of a bar may have, the likely one first."""
    order = {name_key(alias): at for at, alias in enumerate(ALIASES[part])}
    ranked = []
    for at, name in enumerate(names):
        keys = (name_key(name), bare_key(name))
        rank = next((2.0 * order[key] + is_bare for is_bare, key in enumerate(keys) if key in order), None)
        if rank is None and part == "volume" and _ANY_VOLUME.fullmatch(keys[0]) and not _is_average(keys[0]):
            rank = 2.0 * order["volume_btc"]
        if rank is not None:
            ranked.append((rank, at, name))
    return [name for _, _, name in sorted(ranked)]


def _is_average(key: str) -> bool:
    return key.rsplit("_", 1)[-1] in ("ma", "sma", "ema", "avg", "mean", "change", "chg", "weighted", "profile")


def first_of(words: tuple[str, ...], names: list[str]) -> str | None:
    """Return the name that is one of these words, the first word first; None where there is none."""
    for key in (name_key, bare_key):
        found = {key(name): name for name in reversed(names)}
        name = next((found[name_key(word)] for word in words if name_key(word) in found), None)
        if name is not None:
            return name
    return None
