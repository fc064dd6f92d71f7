"""Bringing fetched bars up to date: only what is new is fetched, and what overlaps must agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.findings import counted
from research_kit.bars.frame import PRICE_COLUMNS
from research_kit.errors import DataError, OptionError, did_you_mean
from research_kit.sources import exchange, yahoo
from research_kit.sources.fetching import Fetched, FetchOptions, bar_end, iso, moment_ms, shown

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.bars.frame import Bars

OnChange = Literal["error", "keep", "refetch"]
TOLERANCE = 1e-5
"""Relative: Yahoo rounds prices to 7 digits, and its adjusted ones differ in the sixth from one answer to the next."""

_EVENTS = ("dividends", "stock_splits", "capital_gains")
_NEEDED = ("library", "exchange", "symbol", "timeframe", "since", "fetched_at")


def update(
    bars: Bars,
    origin: Mapping[str, Any],
    *,
    overlap: int = 10,
    on_change: OnChange = "error",
    **options: Any,
) -> Fetched:
    """Return bars that were fetched before, followed by those that have ended since.

    The last bars are fetched once more and compared: a vendor that adjusts its history (for a split or a dividend)
    gives other prices for them, and new bars must not be joined to old ones on another scale.

    Parameters
    ----------
    bars, origin
        As they were fetched: ``Fetched.bars`` and ``Fetched.origin``. Bars that had not ended when they were fetched
        are fetched again.
    overlap
        Bars that are fetched once more.
    on_change
        When the vendor contradicts what is stored (a price by more than 1e-5, a bar that it no longer has):
        ``"error"`` refuses, ``"keep"`` joins nevertheless, ``"refetch"`` fetches everything anew, from where the first
        bar is. What was found stands in ``notes``.
    options
        The fields of ``FetchOptions``.

    Raises
    ------
    OptionError
        The origin is none of ours, or the vendor no longer keeps the bars that are missing in between.
    DataError
        The vendor contradicts what is stored, or could not be asked.

    Examples
    --------
    ::

        newer = rk.sources.update(fetched.bars, fetched.origin)
        newer.added, newer.notes
    """
    chosen = FetchOptions(**options)
    _check(bars, origin, overlap, on_change)
    old, dropped = _that_had_ended(bars, origin)
    first = _first_of_overlap(old, origin, overlap, chosen)
    fresh = _fetch(origin, first, options)
    notes = [*dropped, *_small_notes(old, fresh.frame)]
    contradiction = _contradiction(old, fresh.frame, first, str(origin["library"]))
    if contradiction and on_change == "error":
        raise DataError(
            f"{contradiction} Nothing was joined: say on_change='refetch' to fetch everything anew, "
            "or on_change='keep' to join nevertheless."
        )
    if contradiction and on_change == "refetch":
        again = _fetch(origin, int(old.time_ns[0]) // 1_000_000, options)
        return _as_asked_first(again, origin, (f"{contradiction} Everything was fetched anew.",))
    kept = (f"{contradiction} Both were joined nevertheless.",) if contradiction else ()
    frame, added = _joined(old, fresh.frame)
    joined = replace(fresh, frame=frame, added=added)
    return _as_asked_first(joined, origin, (*kept, *notes))


def _check(bars: Bars, origin: Mapping[str, Any], overlap: int, on_change: str) -> None:
    missing = [name for name in _NEEDED if name not in origin]
    if missing or origin["library"] not in ("yfinance", "ccxt"):
        raise OptionError("These bars have no origin that can be asked again: only what was fetched can be updated.")
    if on_change not in ("error", "keep", "refetch"):
        raise OptionError(f"on_change={on_change!r}: {did_you_mean(str(on_change), ['error', 'keep', 'refetch'])}")
    if overlap < 1:
        raise OptionError(f"overlap={overlap!r} must be 1 or more: at least one bar is compared.")
    if bars.synthetic is not None and bars.synthetic.any():
        raise OptionError("Bars that were filled in cannot be updated; update those that were fetched.")


def _that_had_ended(bars: Bars, origin: Mapping[str, Any]) -> tuple[Bars, list[str]]:
    """Return the bars that had ended when they were fetched."""
    fetched_ms = moment_ms(origin["fetched_at"], "fetched_at")
    kept = len(bars)
    while kept and _end(int(bars.time_ns[kept - 1]) // 1_000_000, origin) > fetched_ms:
        kept -= 1
    if not kept:
        raise DataError("None of these bars had ended when they were fetched; fetch them anew.")
    dropped = counted(len(bars) - kept, "stored bar")
    notes = [f"{dropped} had not ended when fetched: fetched again."] if kept < len(bars) else []
    return bars.window(0, kept), notes


def _end(time_ms: int, origin: Mapping[str, Any]) -> int:
    if origin["library"] == "yfinance":
        return bar_end(time_ms, yahoo.INTERVALS[origin["timeframe"]], str(origin.get("timezone") or "UTC"))
    return bar_end(time_ms, exchange.our_timeframe(origin["timeframe"]))


def _first_of_overlap(old: Bars, origin: Mapping[str, Any], overlap: int, options: FetchOptions) -> int:
    """Return the opening time of the first bar that is fetched once more, in milliseconds."""
    first = int(old.time_ns[max(0, len(old) - overlap)]) // 1_000_000
    if origin["library"] != "yfinance":
        return first
    oldest, last = yahoo.earliest(origin["timeframe"], options.now_ms), int(old.time_ns[-1]) // 1_000_000
    if last < oldest:
        raise OptionError(
            f"The last stored bar is of {shown(last)}, and Yahoo keeps {origin['timeframe']} bars only from "
            f"{shown(oldest)} on: there would be a hole. Fetch a new dataset, or update more often."
        )
    return max(first, oldest)


def _fetch(origin: Mapping[str, Any], first: int, options: Mapping[str, Any]) -> Fetched:
    if origin["library"] == "ccxt":
        return exchange.ccxt(
            origin["exchange"], origin["symbol"], timeframe=origin["timeframe"], since=iso(first), **options
        )
    return yahoo.yfinance(
        origin["symbol"],
        interval=origin["timeframe"],
        start=iso(first),
        adjusted=bool(origin.get("adjusted")),
        prepost=bool(origin.get("prepost")),
        **options,
    )


def _as_asked_first(fetched: Fetched, origin: Mapping[str, Any], notes: tuple[str, ...]) -> Fetched:
    return replace(fetched, origin={**fetched.origin, "since": origin["since"]}, notes=(*notes, *fetched.notes))


def _contradiction(old: Bars, fresh: pd.DataFrame, first: int, vendor: str) -> str:
    """Return what the vendor now says otherwise, ``""`` where it says the same."""
    times = _times_ns(fresh)
    start = int(np.searchsorted(old.time_ns, first * 1_000_000))
    stored = old.time_ns[start:]
    gone = ~np.isin(stored, times)
    if gone.any():
        lost = shown(int(stored[gone][0]) // 1_000_000)
        return f"{_name(vendor)} no longer has {counted(int(gone.sum()), 'bar')} that is stored, the first of {lost}."
    rows = np.searchsorted(times, stored)
    for name in [name for name in (*PRICE_COLUMNS, "adj_close") if name in old and name in fresh]:
        before, now = old[name][start:], fresh[name].to_numpy(dtype=np.float64)[rows]
        other = ~np.isclose(now, before, rtol=TOLERANCE, atol=0.0, equal_nan=True)
        if other.any():
            at = int(np.argmax(other))
            return (
                f"{_name(vendor)} now says otherwise about {name!r} of {int(other.sum()):,} of the last "
                f"{len(stored):,} stored bars: {before[at]:.8g} is stored for {shown(int(stored[at]) // 1_000_000)}, "
                f"it says {now[at]:.8g}{_factor(now[other] / before[other])}."
            )
    return ""


def _times_ns(frame: pd.DataFrame) -> NDArray[np.int64]:
    times: NDArray[np.int64] = frame["time"].dt.tz_localize(None).to_numpy().astype("datetime64[ns]").view(np.int64)
    return times


def _name(vendor: str) -> str:
    return "Yahoo" if vendor == "yfinance" else "The exchange"


def _factor(ratios: Any) -> str:
    """Return what one common ratio tells: a history that was adjusted."""
    if len(ratios) > 1 and np.ptp(ratios) <= 1e-3 * abs(ratios[0]):
        return f" (all by a factor of {ratios[0]:.6g}, as after a split or dividend)"
    return ""


def _small_notes(old: Bars, fresh: pd.DataFrame) -> list[str]:
    """Return what differs in the overlap without putting the join in doubt."""
    times = _times_ns(fresh)
    notes = []
    more = int((~np.isin(times, old.time_ns) & (times < old.time_ns[-1])).sum())
    if more:
        notes.append(f"The vendor now has {counted(more, 'bar')} more among those that are stored: left out.")
    if "volume" not in old or "volume" not in fresh:
        return notes
    _, before, now = np.intersect1d(old.time_ns, times, assume_unique=True, return_indices=True)
    other = ~np.isclose(fresh["volume"].to_numpy()[now], old.volume[before], rtol=1e-3, atol=0.0, equal_nan=True)
    if other.any():
        notes.append(f"The vendor revised the volume of {counted(int(other.sum()), 'stored bar')}: the stored stays.")
    return notes


def _joined(old: Bars, fresh: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return old rows followed by those that are later, and how many these are."""
    import pandas as pd

    before = old.frame.reset_index()
    newer = fresh[fresh["time"] > before["time"].iloc[-1]]
    names = list(dict.fromkeys([*fresh.columns, *before.columns]))
    if not len(newer):
        return before[[name for name in names if name in before]], 0
    frame = pd.concat([before.reindex(columns=names), newer.reindex(columns=names)], ignore_index=True)
    events = [name for name in _EVENTS if name in frame]
    frame[events] = frame[events].fillna(0.0)
    return frame, len(newer)
