"""What Binance, Kraken and Coinbase answer."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from vendor_server import DAY, HOUR, MINUTE, Answer, Clock, Vendor


def price(at: int) -> float:
    """Return the price at a second: any request gives the same bar for the same time."""
    return round(100.0 + 10.0 * math.sin(at / 50_000.0) + (at // 60 % 7) * 0.01, 2)


def bar(at: int, step: int) -> tuple[float, float, float, float, float]:
    """Return open, high, low, close and volume of the bar that opens at a second."""
    first, last = price(at), price(at + step)
    return first, max(first, last) + 0.5, min(first, last) - 0.5, last, float(1 + at // 60 % 13)


@dataclass
class Market:
    """The bars of a market: from its listing to the clock, but for holes; the last one has not ended."""

    clock: Clock
    listed: int
    holes: tuple[tuple[int, int], ...] = ()

    def opens(self, first: int, step: int, limit: int, last: int | None = None) -> list[int]:
        at = max(-(-first // step) * step, -(-self.listed // step) * step if step < DAY else self.listed // step * step)
        end = min(self.clock.seconds, last if last is not None else self.clock.seconds)
        found: list[int] = []
        while at <= end and len(found) < limit:
            if not any(begin <= at and at + step <= stop for begin, stop in self.holes):
                found.append(at)
            at += step
        return found


SPANS = {"1m": MINUTE, "5m": 5 * MINUTE, "1h": HOUR, "1d": DAY, "1w": 7 * DAY}


class Binance:
    """Binance's spot API: up to 1,000 bars from startTime on, whatever lies between."""

    settings_of_api = staticmethod(lambda url: {"public": f"{url}/api/v3", "sapi": f"{url}/sapi/v1"})

    def __init__(self, vendor: Vendor, market: Market, most: int = 1000) -> None:
        self.market, self.most = market, most
        vendor.routes["/api/v3/exchangeInfo"] = lambda _: {"symbols": [self.symbol(name) for name in ("BTC", "ETH")]}
        vendor.routes["/api/v3/klines"] = self.klines
        self.settings = {
            "urls": {"api": self.settings_of_api(vendor.url)},
            "options": {"fetchMarkets": ["spot"], "fetchMarkets.types": ["spot"]},
            "enableRateLimit": False,
        }

    @staticmethod
    def symbol(base: str) -> dict[str, object]:
        return {
            "symbol": f"{base}USDT",
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": "USDT",
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "orderTypes": ["LIMIT"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
            ],
        }

    def klines(self, query: dict[str, str]) -> object:
        if query["symbol"] not in ("BTCUSDT", "ETHUSDT"):
            return Answer({"code": -1121, "msg": "Invalid symbol."}, status=400)
        step = SPANS.get(query["interval"], 30 * DAY)
        limit = min(self.most, int(query.get("limit", 500)))
        opens = self.market.opens(int(query.get("startTime", "0")) // 1000, step, limit)
        if query["interval"] == "1M":
            return [self.row(at, 30 * DAY) for at in self.months(int(query["startTime"]) // 1000)]
        return [self.row(at, step) for at in opens]

    def months(self, first: int) -> list[int]:
        found = [int(datetime(2023 + at // 12, at % 12 + 1, 1, tzinfo=UTC).timestamp()) for at in range(48)]
        return [at for at in found if first <= at <= self.market.clock.seconds]

    @staticmethod
    def row(at: int, step: int) -> list[object]:
        values = [f"{value:.8f}" for value in bar(at, step)]
        return [at * 1000, *values, (at + step) * 1000 - 1, "0", 1, "0", "0", "0"]


class Kraken:
    """Kraken's API: its latest 720 bars, whatever was asked for; refusals come with status 200."""

    def __init__(self, vendor: Vendor, market: Market) -> None:
        self.market = market
        pair = {
            **{"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "pair_decimals": 1},
            **{"lot_decimals": 8, "fees": [[0, 0.26]], "fees_maker": [[0, 0.16]], "ordermin": "0.0001"},
            **{"status": "online", "leverage_buy": [], "leverage_sell": [], "tick_size": "0.1"},
        }
        vendor.routes["/0/public/AssetPairs"] = lambda _: {"error": [], "result": {"XXBTZUSD": pair}}
        vendor.routes["/0/public/Assets"] = lambda _: {
            "error": [],
            "result": {
                "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "status": "enabled"},
                "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "status": "enabled"},
            },
        }
        vendor.routes["/0/public/OHLC"] = self.ohlc
        self.settings = {"urls": {"api": {"public": vendor.url}}, "enableRateLimit": False}

    def ohlc(self, query: dict[str, str]) -> object:
        step = int(query["interval"]) * MINUTE
        opens = self.market.opens(int(query.get("since", "0")) + 1, step, 10**9)[-720:]
        rows = [[at, *map(str, bar(at, step)[:4]), "1.0", str(bar(at, step)[4]), 5] for at in opens]
        return {"error": [], "result": {"XXBTZUSD": rows, "last": opens[-1] if opens else 0}}


class Coinbase:
    """Coinbase Exchange's API: a window of up to 300 bars from start to end, newest first, empty in a hole."""

    def __init__(self, vendor: Vendor, market: Market) -> None:
        self.market = market
        product = {
            **{"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01"},
            **{"base_increment": "0.00000001", "min_market_funds": "1", "status": "online"},
            **{"trading_disabled": False, "post_only": False, "limit_only": False, "cancel_only": False},
        }
        vendor.routes["/products/BTC-USD/candles"] = self.candles
        vendor.routes["/products"] = lambda _: [product]
        vendor.routes["/currencies"] = lambda _: []
        self.settings = {"urls": {"api": {"public": vendor.url}}, "enableRateLimit": False}

    def candles(self, query: dict[str, str]) -> object:
        step = int(query["granularity"])
        first, last = (int(datetime.fromisoformat(query[name]).timestamp()) for name in ("start", "end"))
        if (last - first) // step >= 300:
            return Answer({"message": "granularity too small for the requested time range."}, status=400)
        rows = []
        for at in self.market.opens(first, step, 300, last):
            open_, high, low, close, volume = bar(at, step)
            rows.append([at, low, high, open_, close, volume])
        return rows[::-1]
