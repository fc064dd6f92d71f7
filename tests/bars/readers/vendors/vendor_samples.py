"""The same bars as each vendor would write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Bar:
    """One bar; its time is UTC."""

    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int

    @property
    def ohlc(self) -> str:
        return self.columns("open", "high", "low", "close")

    def columns(self, *names: str, sep: str = ",") -> str:
        """Return prices of this bar as text, in this order."""
        return sep.join(f"{getattr(self, name):.2f}" for name in names)

    def at(self, form: str, zone: str = "UTC") -> str:
        return self.time.astimezone(ZoneInfo(zone)).strftime(form)

    @property
    def epoch(self) -> int:
        return int(self.time.timestamp())


def some_bars(count: int, *, daily: bool = False) -> list[Bar]:
    """Return seeded bars with consistent prices: each opens near the close before it and moves a good deal more."""
    random, close, bars = Random(11), 100.0, []
    start = datetime(2024, 3, 14, 0 if daily else 14, 0 if daily else 30, tzinfo=UTC)
    for at in range(count):
        opened = round(close + random.uniform(-0.02, 0.02), 2)
        close = round(opened + random.uniform(-1, 1), 2)
        high = round(max(opened, close) + random.uniform(0.01, 0.5), 2)
        low = round(min(opened, close) - random.uniform(0.01, 0.5), 2)
        time = start + at * (timedelta(days=1) if daily else timedelta(minutes=1))
        bars.append(Bar(time, opened, high, low, close, random.randint(1, 900)))
    return bars


@dataclass(frozen=True)
class Sample:
    """A vendor's file.

    ``vendor`` is the name of its reader, ``above`` what stands above the rows, ``row`` writes one; ``zone`` is the one
    that only the user can know; ``least`` are the rows without which the layout cannot be told.
    """

    vendor: str
    above: str
    row: Callable[[Bar], str]
    zone: str = ""
    daily: bool = False
    end: str = ""
    newest_first: bool = False
    volume: Callable[[Bar], float] | None = lambda bar: bar.volume
    symbol: str = ""
    least: int = 3
    extras: tuple[str, ...] = ()

    def text(self, count: int) -> str:
        rows = [self.row(bar) for bar in self.bars(count)]
        return self.above + "\n".join(rows[::-1] if self.newest_first else rows) + "\n" + self.end

    def bars(self, count: int) -> list[Bar]:
        return some_bars(count, daily=self.daily)


def _binance(bar: Bar, unit: int) -> str:
    opened, closed = bar.epoch * unit, bar.epoch * unit + 60 * unit - 1
    return f"{opened},{bar.ohlc},{bar.volume}.0,{closed},{bar.volume * 100}.5,{bar.volume + 7},3.5,350.25,0"


_BIDS = "BidOpen,BidHigh,BidLow,BidClose,AskOpen,AskHigh,AskLow,AskClose"
_ANGLES = "<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"
_TAKER = "close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
_ADJUSTED = "Ex-Dividend,Split Ratio,Adj. Open,Adj. High,Adj. Low,Adj. Close,Adj. Volume"

SAMPLES = {
    "yahoo": Sample(
        "Yahoo Finance",
        "Date,Open,High,Low,Close,Adj Close,Volume\n",
        lambda bar: f"{bar.at('%Y-%m-%d')},{bar.ohlc},{bar.close / 2:.4f},{bar.volume}",
        daily=True,
        extras=("adj_close",),
    ),
    "yahoo_old": Sample(
        "Yahoo Finance",
        "Date,Open,High,Low,Close,Volume,Adj Close\n",
        lambda bar: f"{bar.at('%Y-%m-%d')},{bar.ohlc},{bar.volume},{bar.close / 2:.4f}",
        daily=True,
        newest_first=True,
        extras=("adj_close",),
    ),
    "yfinance_history": Sample(
        "yfinance, history of one ticker",
        "Datetime,Open,High,Low,Close,Volume,Dividends,Stock Splits\n",
        lambda bar: f"{bar.at('%Y-%m-%d %H:%M:%S-04:00', 'America/New_York')},{bar.ohlc},{bar.volume},0.0,0.0",
        extras=("dividends", "stock_splits"),
    ),
    "yfinance_history_raw": Sample(
        "yfinance, history of one ticker",
        "Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits\n",
        lambda bar: f"{bar.at('%Y-%m-%d 00:00:00-04:00')},{bar.ohlc},{bar.close:.4f},{bar.volume},0.0,0.0",
        daily=True,
        extras=("adj_close", "dividends", "stock_splits"),
    ),
    "yfinance_table": Sample(
        "yfinance, table of downloaded prices",
        "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n",
        lambda bar: f"{bar.at('%Y-%m-%d')},{bar.columns('close', 'high', 'low', 'open')},{bar.volume}",
        daily=True,
        symbol="AAPL",
    ),
    "investing": Sample(
        "investing.com",
        '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"\n',
        lambda bar: (
            f'"{bar.at("%b %d, %Y")}","{bar.columns("close", "open", "high", "low", sep=chr(34) + "," + chr(34))}",'
            f'"{bar.volume / 100:.2f}M","-0.62%"'
        ),
        daily=True,
        newest_first=True,
        volume=lambda bar: bar.volume * 10_000,
    ),
    "nasdaq": Sample(
        "nasdaq.com",
        "Date,Close/Last,Volume,Open,High,Low\n",
        lambda bar: (
            f"{bar.at('%m/%d/%Y')},${bar.close:.2f},{bar.volume},${bar.columns('open', 'high', 'low', sep=',$')}"
        ),
        daily=True,
        newest_first=True,
    ),
    "barchart": Sample(
        "Barchart",
        'Time,Open,High,Low,Last,Change,%Chg,Volume,"Open Int"\n',
        lambda bar: f'{bar.at("%m/%d/%Y")},{bar.ohlc},0.04,+0.2%,"{bar.volume + 1000:,}",17',
        daily=True,
        newest_first=True,
        end='"Downloaded from Barchart.com as of 03-12-2024 10:45am CDT"\n',
        volume=lambda bar: bar.volume + 1000,
    ),
    "barchart_latest": Sample(
        "Barchart",
        "Symbol,Time,Open,High,Low,Latest,Change,%Change,Volume\n",
        lambda bar: f'ESM24,"{bar.at("%Y-%m-%d %H:%M", "America/Chicago")}",{bar.ohlc},0.04,0.00%,{bar.volume}',
        zone="America/Chicago",
        end="Downloaded from Barchart.com as of 03-15-2024 05:57pm CDT,,,,,,,,\n",
        symbol="ESM24",
    ),
    "quandl": Sample(
        "Quandl WIKI",
        f"Date,Open,High,Low,Close,Volume,{_ADJUSTED}\n",
        lambda bar: f"{bar.at('%Y-%m-%d')},{bar.ohlc},{bar.volume}.0,0.0,1.0,1.5,2.5,0.5,1.25,{bar.volume}.0",
        daily=True,
        newest_first=True,
        extras=("adj_open", "adj_close", "ex_dividend", "split_ratio"),
    ),
    "ib_insync": Sample(
        "Interactive Brokers",
        ",date,open,high,low,close,volume,average,barCount\n",
        lambda bar: (
            f"{bar.epoch % 1000},{bar.at('%Y-%m-%d %H:%M:%S-04:00', 'America/New_York')},{bar.ohlc},{bar.volume}.0,"
            f"{bar.close:.3f},12"
        ),
        extras=("average", "barcount"),
    ),
    "ib_api": Sample(
        "Interactive Brokers",
        "Date,Open,High,Low,Close,Volume,Count,WAP,hasGaps\n",
        lambda bar: (
            f"{bar.at('%Y%m%d %H:%M:%S US/Eastern', 'US/Eastern')},{bar.ohlc},{bar.volume},12,{bar.close:.3f},False"
        ),
        extras=("count", "wap"),
    ),
    "ib_currency": Sample(
        "Interactive Brokers",
        "date,open,high,low,close,volume,average,barCount\n",
        lambda bar: f"{bar.at('%Y%m%d  %H:%M:%S', 'Europe/Berlin')},{bar.ohlc},-1.0,-1.0,-1",
        zone="Europe/Berlin",
        volume=None,
    ),
    "tradingview_iso": Sample(
        "TradingView",
        "time,open,high,low,close,Volume,Volume MA,Plot,Plot\n",
        lambda bar: f"{bar.at('%Y-%m-%dT%H:%M:%S-04:00', 'America/New_York')},{bar.ohlc},{bar.volume},NaN,1.5,2.5",
        extras=("plot", "plot_2"),
    ),
    "tradingview_unix": Sample(
        "TradingView",
        "time,open,high,low,close,Volume\n",
        lambda bar: f"{bar.epoch},{bar.ohlc},{bar.volume}",
    ),
    "stooq": Sample(
        "Stooq",
        f"<TICKER>,<PER>,<DATE>,<TIME>,{_ANGLES},<OPENINT>\n",
        lambda bar: f"SPY.US,D,{bar.at('%Y%m%d')},000000,{bar.ohlc},{bar.volume},0",
        daily=True,
        symbol="SPY.US",
    ),
    "stooq_minutes": Sample(
        "Stooq",
        f"<TICKER>,<PER>,<DATE>,<TIME>,{_ANGLES},<OPENINT>\n",
        lambda bar: f"SPY.US,1,{bar.at('%Y%m%d,%H%M%S', 'Europe/Warsaw')},{bar.ohlc},{bar.volume},0",
        zone="Europe/Warsaw",
        symbol="SPY.US",
    ),
    "finam": Sample(
        "Finam",
        f"<TICKER>,<PER>,<DATE>,<TIME>,{_ANGLES}\n".replace(",", ";"),
        lambda bar: f"SBER;1;{bar.at('%Y%m%d;%H%M%S', 'Europe/Moscow')};{bar.ohlc.replace(',', ';')};{bar.volume}",
        zone="Europe/Moscow",
        symbol="SBER",
    ),
    "metastock": Sample(
        "MetaStock text",
        f"<TICKER>,<DTYYYYMMDD>,<TIME>,{_ANGLES}\n",
        lambda bar: f"EURUSD,{bar.at('%Y%m%d,%H%M%S')},{bar.ohlc},{bar.volume}",
        zone="UTC",
        symbol="EURUSD",
    ),
    "mt4": Sample(
        "MetaTrader 4 history",
        "",
        lambda bar: f"{bar.at('%Y.%m.%d,%H:%M', 'Europe/Athens')},{bar.ohlc},{bar.volume}",
        zone="Europe/Athens",
    ),
    "mt5": Sample(
        "MetaTrader 5 export",
        f"<DATE>,<TIME>,{_ANGLES[:-6]},<TICKVOL>,<VOL>,<SPREAD>\n".replace(",", "\t"),
        lambda bar: f"{bar.at('%Y.%m.%d,%H:%M:%S', 'Europe/Athens')},{bar.ohlc},{bar.volume},0,2".replace(",", "\t"),
        zone="Europe/Athens",
        extras=("traded_volume", "spread"),
    ),
    "mt5_days_with_volume": Sample(
        "MetaTrader 5 export",
        f"<DATE>,{_ANGLES[:-6]},<TICKVOL>,<VOL>,<SPREAD>\n".replace(",", "\t"),
        lambda bar: f"{bar.at('%Y.%m.%d')},{bar.ohlc},5,{bar.volume},2".replace(",", "\t"),
        daily=True,
        extras=("ticks", "spread"),
    ),
    "mt5_python": Sample(
        "MetaTrader 5, bars of its Python package",
        "time,open,high,low,close,tick_volume,spread,real_volume\n",
        lambda bar: f"{bar.epoch},{bar.ohlc},{bar.volume},3,0",
        extras=("spread", "traded_volume"),
    ),
    "histdata": Sample(
        "HistData or NinjaTrader",
        "",
        lambda bar: f"{bar.at('%Y%m%d %H%M%S', 'Etc/GMT+5')};{bar.ohlc.replace(',', ';')};0",
        zone="Etc/GMT+5",
        volume=lambda bar: 0,
    ),
    "ninjatrader": Sample(
        "HistData or NinjaTrader",
        "",
        lambda bar: f"{bar.at('%Y%m%d %H%M%S')};{bar.ohlc.replace(',', ';')};{bar.volume}",
        zone="UTC",
    ),
    "dukascopy": Sample(
        "Dukascopy",
        "Gmt time,Open,High,Low,Close,Volume\n",
        lambda bar: f"{bar.at('%d.%m.%Y %H:%M:%S.000')},{bar.ohlc},{bar.volume}.5",
        volume=lambda bar: bar.volume + 0.5,
    ),
    "dukascopy_local": Sample(
        "Dukascopy",
        "Local time,Open,High,Low,Close,Volume\n",
        lambda bar: f"{bar.at('%d.%m.%Y %H:%M:%S.000 GMT+0100', 'Europe/Berlin')},{bar.ohlc},{bar.volume}",
    ),
    "dukascopy_local_unsaid": Sample(
        "Dukascopy",
        "Local time,Open,High,Low,Close,Volume\n",
        lambda bar: f"{bar.at('%d.%m.%Y %H:%M:%S.000', 'Asia/Tokyo')},{bar.ohlc},{bar.volume}",
        zone="Asia/Tokyo",
    ),
    "jforex": Sample(
        "Dukascopy JForex",
        "Time (EET),Open,High,Low,Close,Volume \n",
        lambda bar: f"{bar.at('%Y.%m.%d %H:%M:%S', 'Europe/Athens')},{bar.ohlc},{bar.volume}",
    ),
    "fxcm": Sample(
        "FXCM",
        f"DateTime,{_BIDS},TickQty\n",
        lambda bar: f"{bar.at('%m/%d/%Y %H:%M:%S.000')},{bar.ohlc},{bar.ohlc},{bar.volume}",
        extras=("ask_open", "ask_high", "ask_low", "ask_close"),
    ),
    "fxcm_python": Sample(
        "FXCM",
        "date,bidopen,bidclose,bidhigh,bidlow,askopen,askclose,askhigh,asklow,tickqty\n",
        lambda bar: (
            f"{bar.at('%Y-%m-%d %H:%M:%S')},{bar.columns('open', 'close', 'high', 'low')},"
            f"{bar.columns('open', 'close', 'high', 'low')},{bar.volume}"
        ),
        extras=("ask_close",),
    ),
    "binance_ms": Sample(
        "Binance klines",
        "",
        lambda bar: _binance(bar, 1000),
        extras=("close_time", "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume"),
    ),
    "binance_us": Sample("Binance klines", "", lambda bar: _binance(bar, 1_000_000), extras=("trades",)),
    "binance_futures": Sample(
        "Binance klines",
        f"open_time,open,high,low,close,volume,{_TAKER}\n",
        lambda bar: _binance(bar, 1000),
        extras=("close_time", "count"),
    ),
    "kraken": Sample(
        "Kraken OHLCVT",
        "",
        lambda bar: f"{bar.epoch},{bar.ohlc},{bar.volume}.5,{bar.volume}",
        volume=lambda bar: bar.volume + 0.5,
        extras=("trades",),
    ),
    "coinbase": Sample(
        "Coinbase",
        "time,low,high,open,close,volume\n",
        lambda bar: f"{bar.epoch},{bar.columns('low', 'high', 'open', 'close')},{bar.volume}",
        newest_first=True,
    ),
    "coinbase_bare": Sample(
        "Coinbase",
        "",
        lambda bar: f"{bar.epoch},{bar.columns('low', 'high', 'open', 'close')},{bar.volume}",
        newest_first=True,
        least=60,
    ),
    "bitfinex": Sample(
        "Bitfinex",
        "",
        lambda bar: f"{bar.epoch}000,{bar.columns('open', 'close', 'high', 'low')},{bar.volume}.25",
        volume=lambda bar: bar.volume + 0.25,
        least=60,
    ),
    "bitmex": Sample(
        "BitMEX",
        "timestamp,symbol,open,high,low,close,trades,volume,vwap,lastSize,turnover,homeNotional,foreignNotional\n",
        lambda bar: (
            f"{bar.at('%Y-%m-%dT%H:%M:%S.000Z')},XBTUSD,{bar.ohlc},17,{bar.volume},{bar.close:.4f},1,1,0.5,{bar.volume}"
        ),
        symbol="XBTUSD",
        extras=("trades", "vwap", "homenotional"),
    ),
    "cdd_hours_of_a_clock": Sample(
        "CryptoDataDownload",
        "Timestamps are UTC timezone,https://www.CryptoDataDownload.com\n"
        "date,symbol,open,high,low,close,volume_btc,volume\n",
        lambda bar: f"{bar.at('%Y-%m-%d 12-AM')},BTCUSD,{bar.ohlc},{bar.volume},{bar.volume}00",
        daily=True,
        newest_first=True,
        symbol="BTCUSD",
        extras=("quote_amount",),
    ),
    "cdd_unix": Sample(
        "CryptoDataDownload",
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume ETH,Volume USDT,tradecount\n",
        lambda bar: (  # seconds first, milliseconds later
            f"{bar.epoch * (1000 if bar.time.minute % 2 else 1)},{bar.at('%Y-%m-%d %H:%M:%S')},ETH/USDT,{bar.ohlc},"
            f"{bar.volume},{bar.volume}00,4"
        ),
        symbol="ETH/USDT",
        extras=("quote_amount", "tradecount"),
    ),
    "cdd_dates": Sample(
        "CryptoDataDownload",
        "https://www.CryptoDataDownload.com\nDate,Symbol,Open,High,Low,Close,Volume BTC,Volume USD\n",
        lambda bar: f"{bar.at('%Y-%m-%d %H:%M:%S')},BTCUSD,{bar.ohlc},{bar.volume},{bar.volume}00",
        newest_first=True,
        symbol="BTCUSD",
        extras=("quote_amount",),
    ),
    "cdd_bare": Sample(
        "CryptoDataDownload without its banner",
        "Date,Symbol,Open,High,Low,Close,VolumeFrom,VolumeTo\n",
        lambda bar: f"{bar.at('%Y-%m-%d %H:%M')},BTCUSD,{bar.ohlc},{bar.volume},{bar.volume}00",
        zone="UTC",
        newest_first=True,
        symbol="BTCUSD",
        extras=("quote_amount",),
    ),
    "excel": Sample(
        "dates as Excel counts them",
        "Date\tOpen\tHigh\tLow\tClose\tVolume\n",
        lambda bar: (
            f"{bar.epoch // 86400 + 25569}\t{bar.columns('open', 'high', 'low', 'close', sep=chr(9))}\t{bar.volume}"
        ),
        daily=True,
    ),
}

NOBODYS = {  # text that is no vendor's: common words, or too little to tell
    "plain": "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1.5,2,1,1.75,11\n",
    "small letters": "time,open,high,low,close,volume\n1584190800,1,2,0.5,1.5,10\n1584194400,1.5,2,1,1.75,11\n",
    "no volume": "time,open,high,low,close\n1584190800,1,2,0.5,1.5\n1584194400,1.5,2,1,1.75\n",
    "no header": "2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1.5,2,1,1.75,11\n",
    "lean days": "20200102 00:00,10000,20000,5000,15000,10\n20200103 00:00,15000,20000,10000,17500,11\n",
    "lean minutes": "14400000,10000,20000,5000,15000,10\n14460000,15000,20000,10000,17500,11\n",
    "european": "Datum;Eröffnung;Hoch;Tief;Schluss;Menge\n02.01.2020;1,25;2,5;0,5;1,5;10\n03.01.2020;1,5;2;1;1,75;11\n",
    "date and time": "date,time,open,high,low,close\n20200102,093000,1,2,0.5,1.5\n20200102,093100,1.5,2,1,1.75\n",
    "trades": "1584190800,90.54,1.1\n1584190801,90.45,1.0\n",
    "closes": "Date,Close\n2020-01-02,1.5\n2020-01-03,1.75\n",
    "adjusted, unnamed time": "Date Time,Open,High,Low,Close,Volume,Adj Close\n2020-01-02 22:00:00,1,2,0.5,1.5,10,\n",
    "a price in Excel's range": "Close,Date\n41652.5,2020-01-02\n41653.5,2020-01-03\n",
    "OHLCV with swapped columns": "".join(
        f"{bar.epoch},{bar.columns('close', 'low', 'high', 'open')},{bar.volume},3\n" for bar in some_bars(80)
    ),
}
