"""Factors of splits and dividends: from a factor file, a table, or the actions themselves."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.derive.days import session_dates
from research_kit.bars.frame import Bars, FloatArray
from research_kit.errors import DataError, NotFoundError

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("date", "price_factor", "split_factor")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")


@dataclass(frozen=True)
class Factors:
    """What prices and volumes are multiplied and divided by, up to some dates.

    Parameters
    ----------
    until
        The last date, in days since 1970, on which each factor holds; strictly increasing.
    price
        What dividends make of a price: 0.98 after (that is, before) a dividend of 2 %.
    split
        What splits make of a price: 0.5 for two shares for one. Volumes are divided by it.

    Raises
    ------
    DataError
        The dates do not increase, or a factor is not a positive number.
    """

    until: NDArray[np.int64]
    price: FloatArray
    split: FloatArray

    def __post_init__(self) -> None:
        back = np.flatnonzero(np.diff(self.until) <= 0)
        if len(back):
            one, two = (_shown(int(self.until[at])) for at in (back[0], back[0] + 1))
            raise DataError(f"The dates of factors must increase; {two} comes after {one}: sort the rows, one a date.")
        for name in ("price", "split"):
            values = getattr(self, name)
            wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
            if len(wrong):
                raise DataError(
                    f"Every factor must be a positive number; the {name} factor of {_shown(int(self.until[wrong[0]]))} "
                    f"is {values[wrong[0]]}: correct or leave out this row."
                )

    def at(self, dates: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Return the price and split factors on some dates; 1 after the last."""
        row = np.searchsorted(self.until, dates)
        return np.append(self.price, 1.0)[row], np.append(self.split, 1.0)[row]


def read_factors(source: str | Path | pd.DataFrame | Sequence[Sequence[Any]]) -> Factors:
    """Return the factors of a file, a DataFrame or rows.

    Parameters
    ----------
    source
        A LEAN factor file (lines ``yyyymmdd,price_factor,split_factor,reference_price``, with or without a header); a
        DataFrame with columns of these names, or in this order (the date may be the index); or rows
        ``(date, price_factor[, split_factor])``. Each row holds up to and including its date, the last trading day
        before a split or dividend. Without a split factor it is 1.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        A row cannot be read, dates do not increase, a factor is not a positive number.

    Examples
    --------
    >>> factors = read_factors([("2020-08-28", 0.9967882, 0.25), ("2021-02-04", 0.9985079, 1)])
    >>> factors.split.tolist()
    [0.25, 1.0]
    """
    if isinstance(source, str | Path):
        rows: Iterable[Sequence[Any]] = _rows_of_file(Path(source))
    elif hasattr(source, "columns"):
        rows = _rows_of_frame(source)
    else:
        rows = source
    return _factors([_read_row(number, row) for number, row in enumerate(rows, start=1)])


def factors_of_actions(
    bars: Bars, splits: Sequence[Sequence[Any]] = (), dividends: Sequence[Sequence[Any]] = ()
) -> Factors:
    """Return the factors that splits and cash dividends make of raw bars.

    Dates are the first on which a share trades without (the "ex" date). A split of ratio r (new shares for each old
    one: 4, or 0.1 for a reverse split) makes the split factor 1 / r. A dividend makes the price factor
    1 - cash / close, as CRSP and Yahoo do, with the last raw close before the date and cash in money for each share
    held then. Actions on or before the date of the first bar, and dividends after the last, change nothing.

    Raises
    ------
    DataError
        A ratio is not positive, cash is negative or not below the close, or a date cannot be read.
    """
    dates = session_dates(bars)
    events: dict[int, list[float]] = {}
    for number, row in enumerate(splits, start=1):
        day, ratio = _action(number, row, "split")
        if not 0 < ratio < np.inf:
            raise DataError(f"The ratio of a split must be positive; that of {_shown(day)} is {ratio:g}.")
        events.setdefault(day, [1.0, 1.0])[1] /= ratio
    for number, row in enumerate(dividends, start=1):
        day, cash = _action(number, row, "dividend")
        before = int(np.searchsorted(dates, day)) - 1
        if before < 0 or day > dates[-1]:
            continue
        close = float(bars.close[before])
        if not 0 <= cash < close:
            raise DataError(
                f"The dividend of {_shown(day)} is {cash:g}, the close before it {close:g}: cash must be at least 0 "
                "and below the close, in the money and for the shares of the raw bars."
            )
        events.setdefault(day, [1.0, 1.0])[0] *= 1.0 - cash / close
    days = sorted(events)
    both = np.array([events[day] for day in days]).reshape(-1, 2)[::-1].cumprod(axis=0)[::-1]
    return Factors(np.array(days, dtype=np.int64) - 1, both[:, 0], both[:, 1])


def _factors(rows: list[tuple[int, float, float]]) -> Factors:
    if not rows:
        raise DataError("There are no factors; give rows of date, price factor and split factor.")
    until, price, split = zip(*rows, strict=True)
    return Factors(np.array(until, dtype=np.int64), np.array(price, dtype=float), np.array(split, dtype=float))


def _rows_of_file(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"There is no file of factors {str(path)!r}; give its path, or rows of factors.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The factors {str(path)!r} cannot be read: {error}.") from None
    rows = [row for row in csv.reader(text.splitlines()) if row]
    return rows[1:] if rows and not any(sign.isdigit() for sign in rows[0][0]) else rows


def _rows_of_frame(frame: Any) -> Iterable[Sequence[Any]]:
    names = {str(name).strip().lower().replace(" ", "_"): name for name in frame.columns}
    if "date" not in names and frame.index.dtype.kind == "M":
        frame = frame.reset_index()
        names = {"date": frame.columns[0], **names}
    chosen = [names[name] for name in _COLUMNS if name in names]
    if "date" not in names or "price_factor" not in names:
        chosen = list(frame.columns[:3])
    rows: Iterable[Sequence[Any]] = frame[chosen].itertuples(index=False)
    return rows


def _read_row(number: int, row: Sequence[Any]) -> tuple[int, float, float]:
    try:
        return _day_of(row[0]), float(row[1]), float(row[2]) if len(row) > 2 else 1.0
    except (ValueError, TypeError, IndexError):
        raise DataError(
            f"Row {number} of the factors is {tuple(row) if isinstance(row, Sequence) else row!r}; it must be a date "
            "(2020-08-28 or 20200828), a price factor and a split factor."
        ) from None


def _action(number: int, row: Sequence[Any], noun: str) -> tuple[int, float]:
    try:
        day, value = row
        return _day_of(day), float(value)
    except (ValueError, TypeError):
        amount = "ratio" if noun == "split" else "cash"
        raise DataError(f"Row {number} of the {noun}s is {row!r}; it must be (date, {amount}).") from None


def _day_of(value: Any) -> int:
    """Return a date in days since 1970. Raises ValueError where it is none."""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return int(np.datetime64(value, "D").astype(np.int64))
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[D]").astype(np.int64))
    match = _DATE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(value)
    return int(np.datetime64("-".join(match.groups()), "D").astype(np.int64))


def _shown(day: int) -> str:
    return str(np.datetime64(day, "D"))
