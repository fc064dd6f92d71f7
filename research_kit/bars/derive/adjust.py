"""Prices adjusted for splits and dividends: by factors, by the actions themselves, or by an adjusted close."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from research_kit.bars.derive.days import session_dates
from research_kit.bars.derive.factors import Factors, factors_of_actions, read_factors
from research_kit.bars.derive.fields import is_price, is_units
from research_kit.bars.derive.gather import gathered, rows_of, windows
from research_kit.bars.findings import shown_time
from research_kit.bars.frame import Bars, FloatArray
from research_kit.bars.importing.rows import Rows
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError, OptionError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["backward", "forward"]


def adjust(
    bars: Bars,
    factors: Factors | str | Path | pd.DataFrame | Sequence[Sequence[Any]] | Mapping[str, Sequence[Sequence[Any]]],
    *,
    method: Method = "backward",
) -> Bars:
    """Return bars without the jumps that splits and dividends make.

    Prices are multiplied by price factor × split factor of their session's date; volumes in shares are divided by the
    split factor. What counts money or trades, and columns whose names begin with ``adj``, stay as they are.

    Parameters
    ----------
    bars
        Raw bars of a day or shorter. An adjusted close may come with any timeframe.
    factors
        One of

        - ``Factors``, or what ``read_factors`` makes them from: the path of a LEAN factor file, a DataFrame, or rows
          ``(date, price_factor[, split_factor])``; each row holds up to and including its date, later bars stay;
        - the actions, ``{"splits": [(date, ratio)], "dividends": [(date, cash)]}`` or one of the two: see
          ``factors_of_actions``;
        - the name of a column with an adjusted close, such as ``"adj_close"``: prices are multiplied by its ratio to
          the close, volumes stay.
    method
        ``"backward"``: prices before a split or dividend change, those after the last factor stay. ``"forward"``: the
        first bar stays and the later ones change.

    Raises
    ------
    DataError
        A factor is not a positive number, dates do not increase, an adjusted close is missing, or bars are longer than
        a day.
    OptionError
        The method or an action is unknown.

    Examples
    --------
    >>> days = np.array(["2020-08-28", "2020-08-31"], dtype="datetime64[ns]").view(np.int64)
    >>> bars = Bars(days, {"close": np.array([499.23, 129.04]), "volume": np.array([1e6, 5e6])}, timeframe="1d")
    >>> adjusted = adjust(bars, {"splits": [("2020-08-31", 4)]})
    >>> adjusted.close.tolist(), adjusted.volume.tolist()
    ([124.8075, 129.04], [4000000.0, 5000000.0])
    """
    if method not in ("backward", "forward"):
        raise OptionError(f"method={method!r} is unknown. {did_you_mean(str(method), ('backward', 'forward'))}")
    if isinstance(factors, str) and (factors in bars or factors == "adj_close"):
        return gathered(bars, _by_close(bars, factors, method))
    if bars.timeframe_ns > DAY:
        raise DataError(
            f"Bars of {bars.timeframe} hold prices from before and after a split; adjust the daily bars and resample."
        )
    if isinstance(factors, Mapping):
        known = _actions(bars, factors)
    else:
        known = factors if isinstance(factors, Factors) else read_factors(factors)
    return gathered(bars, _by_factors(bars, known, method))


def _actions(bars: Bars, actions: Mapping[str, Sequence[Sequence[Any]]]) -> Factors:
    for name in actions:
        if name not in ("splits", "dividends"):
            raise OptionError(f"There is no action {name!r}. {did_you_mean(name, ('splits', 'dividends'))}")
    return factors_of_actions(bars, actions.get("splits", ()), actions.get("dividends", ()))


def _by_factors(bars: Bars, factors: Factors, method: Method) -> Iterator[Rows]:
    base = None
    for part in windows(bars):
        price, split = factors.at(session_dates(part))
        if base is None:
            base = (price[0], split[0]) if method == "forward" else (1.0, 1.0)
        yield _scaled(part, price * split / (base[0] * base[1]), split / base[1])


def _by_close(bars: Bars, name: str, method: Method) -> Iterator[Rows]:
    base = None
    for part in windows(bars):
        adjusted = part[name]
        good = np.isfinite(adjusted) & (adjusted > 0) & (part.close > 0)
        if not good.all():
            at = int(np.argmin(good))
            raise DataError(
                f"{name!r} must be a positive number beside a positive close; the bar of "
                f"{shown_time(int(part.time_ns[at]))} has {adjusted[at]} beside {part.close[at]}: give factors instead."
            )
        ratio = adjusted / part.close
        if base is None:
            base = ratio[0] if method == "forward" else 1.0
        yield _scaled(part, ratio / base, np.ones(len(part)), close=adjusted / base)


def _scaled(bars: Bars, factor: FloatArray, split: FloatArray, close: FloatArray | None = None) -> Rows:
    """Return bars with prices multiplied and volumes divided; the given close is exact."""
    columns = dict(bars.columns)
    for name, column in bars.columns.items():
        if is_price(name):
            columns[name] = column * factor
        elif is_units(name):
            columns[name] = column / split
    if close is not None:
        columns["close"] = close
    Bars(bars.time_ns, columns, allow_nonpositive=bars.allow_nonpositive)  # refuses prices that left the numbers
    return rows_of(bars.time_ns, columns, bars.synthetic)
