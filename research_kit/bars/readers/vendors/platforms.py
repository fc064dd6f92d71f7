"""Platforms and files for them: TradingView, Interactive Brokers, and the angle brackets of Stooq, Finam, MetaStock."""

from __future__ import annotations

import re
from dataclasses import replace

from research_kit.bars.findings import counted
from research_kit.bars.readers.base import Source
from research_kit.bars.readers.sniff import TextLayout
from research_kit.bars.readers.vendors.layout import (
    EPOCH_S,
    ISO_DATE,
    Layout,
    VendorText,
    head_cells,
)

_PRICES = ("<open>", "<high>", "<low>", "<close>", "<vol>")

STOOQ = Layout(
    "Stooq",
    "the symbol is read from <TICKER>",
    needs=("<ticker>", "<per>", "<date>", "<time>", *_PRICES, "<openint>"),
    leave_out=("<per>",),
    zone_question="Stooq writes intraday times of its own place, most often Europe/Warsaw",
)
FINAM = Layout(
    "Finam",
    "columns are named in angle brackets",
    needs=("<date>", "<time>", *_PRICES),
    lacks=("<tickvol>", "<openint>"),
    leave_out=("<per>",),
    zone_question="Finam writes Moscow's time (Europe/Moscow) unless another was chosen",
    doubts=("Finam stamps bars with their beginning or end, as was chosen; times are kept as they stand.",),
)
METASTOCK = Layout(
    "MetaStock text",
    "the symbol is read from <TICKER>",
    needs=("<ticker>", "<dtyyyymmdd>", "<open>", "<high>", "<low>", "<close>"),
    roles={"date": "<dtyyyymmdd>", "time": "<time>"},
    leave_out=("<per>",),
    zone_question="The layout of MetaStock does not say the zone; Forex Tester's and Forexite's files are in GMT",
)
TRADINGVIEW = Layout(
    "TradingView",
    "",
    needs=("time", "open", "high", "low", "close"),
    cells=(rf"{EPOCH_S}|{ISO_DATE}(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?",),
)
INTERACTIVE_BROKERS = Layout(
    "Interactive Brokers",
    "its average price and number of trades are kept beside the prices",
    needs=("date|datetime|time", "open", "high", "low", "close", "volume", "average|wap", "barcount|count|bar_count"),
    leave_out=("",),
    zone_question="Interactive Brokers write the time of the exchange, or that chosen in TWS",
)


class TradingView(VendorText):
    """TradingView's export of a chart: five columns in small letters, then the volume and indicators in capitals."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        header = text.header or ()
        extras = header[5:]
        if header[:5] != self.layout.needs or not extras or any(name[:1].islower() for name in extras):
            return None
        layout = super().layout_for(source, text)
        if layout is None:
            return None
        indicators = [name for name in extras if name != "Volume"]
        kept = f"; {counted(len(indicators), 'column')} of indicators kept" if indicators else ""
        unix = re.fullmatch(EPOCH_S, text.rows[0][0])
        return replace(layout, says=f"times are {'UNIX' if unix else 'ISO'}{kept}")


class InteractiveBrokers(VendorText):
    """Bars of the TWS API: -1 stands for volumes that are not recorded, as of currencies."""

    def layout_for(self, source: Source, text: TextLayout) -> Layout | None:
        layout = super().layout_for(source, text)
        if layout is None:
            return None
        if not all(cell in ("-1", "-1.0") for cell in head_cells(text, "volume")):
            return layout
        counts = ("volume", "average", "wap", "barcount", "count", "bar_count")
        says = "there are no volumes (-1 is written instead), and none are taken"
        return replace(layout, says=says, leave_out=(*layout.leave_out, *counts))


PLATFORMS = (
    TradingView(TRADINGVIEW),
    InteractiveBrokers(INTERACTIVE_BROKERS),
    VendorText(STOOQ),
    VendorText(METASTOCK),
    VendorText(FINAM),
)
