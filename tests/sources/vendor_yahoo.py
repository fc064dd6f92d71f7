"""What Yahoo answers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from vendor_exchanges import bar
from vendor_server import DAY, HOUR, Answer, Clock, Vendor


@dataclass
class Listing:
    """What Yahoo knows of a symbol. ``split`` divides all prices; ``paid`` is taken off adjusted closes."""

    zone: str = "America/New_York"
    kind: str = "EQUITY"
    exchange: str = "NMS"
    full: str = "NasdaqGS"
    currency: str = "USD"
    first: int = int(datetime(2023, 1, 3, tzinfo=UTC).timestamp())
    all_days: bool = False
    split: float = 1.0
    paid: float = 1.0
    holes: tuple[str, ...] = ()  # dates with no prices
    granularity: str = ""  # what is given, if not what is asked


class Yahoo:
    """Yahoo's chart API."""

    def __init__(self, vendor: Vendor, clock: Clock, **listings: Listing) -> None:
        self.clock = clock
        self.listings: dict[str, Listing] = {"AAPL": Listing(), **listings}
        vendor.routes["/v8/finance/chart/"] = self.chart
        vendor.routes["/v1/test/getcrumb"] = lambda _: "crumb"
        self.settings = {"base_url": vendor.url}

    def chart(self, query: dict[str, str]) -> object:
        symbol = query["path"].rsplit("/", 1)[1]
        listing = self.listings.get(symbol)
        if listing is None:
            return self.refusal(404, "Not Found", "No data found, symbol may be delisted")
        interval = query["interval"]
        if "period1" not in query:
            first, last = int(self.clock.seconds) - 5 * DAY, int(self.clock.seconds)
        else:
            first, last = int(query["period1"]), int(query["period2"])
        kept = {"1m": 30, "15m": 60, "5m": 60, "1h": 730}.get(interval, 40_000)
        if first < self.clock.seconds - kept * DAY:
            text = f"{interval} data not available for startTime={first} and endTime={last}."
            return self.refusal(422, "Unprocessable Entity", text)
        if interval == "1m" and last - first > 8 * DAY:
            text = "Only 8 days worth of 1m granularity data are allowed to be fetched per request."
            return self.refusal(422, "Unprocessable Entity", text)
        stamps = self.stamps(listing, interval, first, last)
        return {"chart": {"result": [self.result(listing, symbol, interval, stamps)], "error": None}}

    @staticmethod
    def refusal(status: int, code: str, text: str) -> Answer:
        return Answer({"chart": {"result": None, "error": {"code": code, "description": text}}}, status=status)

    def stamps(self, listing: Listing, interval: str, first: int, last: int) -> list[int]:
        zone = ZoneInfo(listing.zone)
        day = datetime.fromtimestamp(max(first, listing.first), UTC).astimezone(zone).date() - timedelta(days=7)
        found: list[int] = []
        last = min(last, int(self.clock.seconds))
        while True:
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            if midnight.timestamp() > last:
                return [at for at in found if max(first, listing.first) <= at <= last]
            if listing.all_days or day.weekday() < 5:
                found += self.of_day(listing, interval, midnight)
            day += timedelta(days=1)

    def of_day(self, listing: Listing, interval: str, midnight: datetime) -> list[int]:
        begins = midnight if listing.all_days or listing.kind == "CURRENCY" else midnight.replace(hour=9, minute=30)
        if interval == "1wk":
            return [int(midnight.timestamp())] if midnight.weekday() == 0 else []
        if interval == "1mo":
            return [int(midnight.timestamp())] if midnight.day == 1 else []
        if interval == "1d":
            return [int(begins.timestamp())]
        step = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}[interval]
        length = DAY if listing.all_days else int(6.5 * HOUR)
        return [int(begins.timestamp()) + at for at in range(0, length, step)]

    def result(self, listing: Listing, symbol: str, interval: str, stamps: list[int]) -> dict[str, object]:
        zone = ZoneInfo(listing.zone)
        step = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}.get(interval, DAY)
        bars = [tuple(value / listing.split for value in bar(at, step)[:4]) for at in stamps]
        volumes: list[object] = [int(bar(at, step)[4]) for at in stamps]
        closes: list[object] = [one[3] for one in bars]
        columns = [list(column) for column in zip(*bars, strict=True)] or [[], [], [], []]
        for at, stamp in enumerate(stamps):
            if datetime.fromtimestamp(stamp, zone).date().isoformat() in listing.holes:
                volumes[at] = closes[at] = None
                for column in columns:
                    column[at] = None
        quote = {"volume": volumes, **dict(zip(("open", "high", "low", "close"), columns, strict=True))}
        indicators: dict[str, object] = {"quote": [quote if stamps else {}]}
        if step == DAY:
            adjusted = [None if close is None else close * listing.paid for close in closes]
            indicators["adjclose"] = [{"adjclose": adjusted} if stamps else {}]
        meta = {
            **{"symbol": symbol, "currency": listing.currency, "instrumentType": listing.kind, "priceHint": 2},
            **{"exchangeName": listing.exchange, "fullExchangeName": listing.full, "gmtoffset": -18000},
            **{"exchangeTimezoneName": listing.zone, "timezone": "EST", "dataGranularity": interval, "range": ""},
            **{"validRanges": ["1d", "5d", "1mo", "max"], "regularMarketTime": int(self.clock.seconds)},
            **{"firstTradeDate": listing.first, "regularMarketPrice": 1.0, "hasPrePostMarketData": True},
            "currentTradingPeriod": {name: self.period(listing) for name in ("pre", "regular", "post")},
        }
        if listing.granularity:
            meta["dataGranularity"] = listing.granularity
        if interval[-1] in "mh":
            meta["tradingPeriods"] = self.periods(listing, stamps)
        return {"meta": meta, **({"timestamp": stamps} if stamps else {}), "indicators": indicators}

    def period(self, listing: Listing) -> dict[str, object]:
        day = datetime.fromtimestamp(self.clock.seconds, ZoneInfo(listing.zone))
        return self.of_hours(day, listing)

    def periods(self, listing: Listing, stamps: list[int]) -> list[list[dict[str, object]]]:
        zone = ZoneInfo(listing.zone)
        days = dict.fromkeys(datetime.fromtimestamp(at, zone).replace(hour=0, minute=0) for at in stamps)
        return [[self.of_hours(day, listing)] for day in days]

    @staticmethod
    def of_hours(day: datetime, listing: Listing) -> dict[str, object]:
        begin, end = day.replace(hour=9, minute=30, second=0), day.replace(hour=16, minute=0, second=0)
        if listing.all_days:
            begin, end = day.replace(hour=0, minute=0, second=0), day.replace(hour=23, minute=59, second=59)
        offset = int(day.utcoffset().total_seconds())
        return {
            "timezone": "EST",
            "start": int(begin.timestamp()),
            "end": int(end.timestamp()),
            "gmtoffset": offset,
        }
