"""Platforms and vendors of currencies: MetaTrader, HistData and NinjaTrader, Dukascopy, FXCM."""

from __future__ import annotations

import re
from dataclasses import replace

from research_kit.bars.columns.numbers import parse_number
from research_kit.bars.readers.base import Source
from research_kit.bars.readers.sniff import TextLayout
from research_kit.bars.readers.vendors.layout import NUMBER, Layout, VendorText, head_cells

_SERVER = "MetaTrader writes the time of the broker's server, often Europe/Athens"
_EASTERN = "Eastern Standard Time without daylight saving, Etc/GMT+5"

METATRADER_4 = Layout(
    "MetaTrader 4 history",
    "columns are date, time, open, high, low, close and the number of ticks as volume",
    cells=(r"\d{4}\.\d\d\.\d\d", r"\d\d:\d\d(:\d\d)?", *(NUMBER,) * 5),
    names=("date", "time", "open", "high", "low", "close", "volume"),
    zone_question=f"{_SERVER}; HistData, whose files may look the same, writes {_EASTERN}",
)
METATRADER_5 = Layout(
    "MetaTrader 5 export",
    "",
    needs=("<date>", "<open>", "<high>", "<low>", "<close>", "<tickvol>"),
    zone_question=_SERVER,
)
METATRADER_5_PYTHON = Layout(
    "MetaTrader 5, bars of its Python package",
    "",
    needs=("time", "open", "high", "low", "close", "tick_volume", "spread", "real_volume"),
    alone=True,
    zone_question=_SERVER,
    doubts=("MetaTrader's epochs count the time of the broker's server as if it were UTC; they are taken as UTC.",),
)
HISTDATA = Layout(
    "HistData or NinjaTrader",
    "columns are time, open, high, low, close, volume",
    cells=(r"\d{8} \d{6}", *(NUMBER,) * 5),
    names=("time", "open", "high", "low", "close", "volume"),
    delimiter=";",
    zone_question=f"HistData writes {_EASTERN}, NinjaTrader UTC, and their files look alike",
    doubts=("NinjaTrader stamps a minute with its end, HistData with its beginning; times are kept as they stand.",),
)
DUKASCOPY = Layout(
    "Dukascopy",
    "'Gmt time' is UTC",
    needs=("gmt time|utc time", "open", "high", "low", "close"),
    cells=(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d\.\d{3}",),
    roles={"time": "gmt time|utc time"},
    timezone="UTC",
)
DUKASCOPY_LOCAL = Layout(
    "Dukascopy",
    "'Local time' carries its offset from GMT",
    needs=("local time", "open", "high", "low", "close"),
    cells=(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d\.\d{3}( GMT[+-]\d{4})?",),
    roles={"time": "local time"},
    zone_question="Dukascopy's 'Local time' is that of the computer that downloaded the file",
)
JFOREX = Layout(
    "Dukascopy JForex",
    "",
    needs=("time (eet)|time (utc)|time (gmt)", "open", "high", "low", "close"),
    roles={"time": "time (eet)|time (utc)|time (gmt)"},
)
FXCM = Layout(
    "FXCM",
    "the bid makes the bars, the ask is kept beside it (ask_open, ask_high, ask_low, ask_close); times are UTC",
    needs=(
        *("datetime|date|time|timestamp", "bidopen", "bidhigh", "bidlow", "bidclose"),
        *("askopen", "askhigh", "asklow", "askclose"),
    ),
    roles={
        **{name: f"bid{name}" for name in ("open", "high", "low", "close")},
        **{f"ask_{name}": f"ask{name}" for name in ("open", "high", "low", "close")},
        "volume": "volume|tickqty|tick_qty",
    },
    timezone="UTC",
)

_GMT_OFFSET = re.compile(r".* GMT[+-]\d{4}")


class MetaTrader5(VendorText):
    """MetaTrader 5: the volume is the traded one, or the number of ticks where the broker reports no volume."""

    _TICKS, _TRADED = "<tickvol>|tick_volume", "<vol>|real_volume"

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        layout = super().layout_for(source, text)
        if layout is None:
            return None
        traded = [cell for name in self._TRADED.split("|") for cell in head_cells(text, name)]
        if any(parse_number(cell) > 0 for cell in traded):
            says = "the traded volume is the volume, the number of ticks is kept beside it"
            return replace(layout, says=says, roles={"volume": self._TRADED, "ticks": self._TICKS})
        why = ", since the traded volume is 0" if traded else ""
        says = f"the volume is the number of ticks{why}"
        return replace(layout, says=says, roles={"volume": self._TICKS, "traded_volume": self._TRADED})


class HistData(VendorText):
    """HistData and NinjaTrader share one layout; HistData has no volumes, so that a volume tells NinjaTrader."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        layout = super().layout_for(source, text)
        if layout is None or not any(parse_number(row[5]) > 0 for row in text.rows):
            return layout
        return replace(
            layout,
            name="NinjaTrader",
            zone_question="NinjaTrader writes UTC when it exports; other programs use its layout with times of their "
            "own",
            doubts=("NinjaTrader stamps a minute with its end; times are kept as they stand.",),
        )


class DukascopyLocal(VendorText):
    """Dukascopy's local time: newer files write the offset behind it as ``GMT+0200``."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        layout = super().layout_for(source, text)
        if layout is None or all(_GMT_OFFSET.fullmatch(cell) for cell in head_cells(text, "local time")):
            return layout
        return replace(layout, says="'Local time' does not say which")


class JForex(VendorText):
    """JForex names the zone of its times in the header."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        layout = super().layout_for(source, text)
        if layout is None:
            return None
        if head_cells(text, "time (eet)"):
            says = "'Time (EET)' is that of Athens, with daylight saving"
            return replace(layout, says=says, timezone="Europe/Athens")
        return replace(layout, says="the times are UTC", timezone="UTC")


FOREX = (
    MetaTrader5(METATRADER_5),
    MetaTrader5(METATRADER_5_PYTHON),
    VendorText(METATRADER_4),
    HistData(HISTDATA),
    VendorText(DUKASCOPY),
    DukascopyLocal(DUKASCOPY_LOCAL),
    JForex(JFOREX),
    VendorText(FXCM),
)
