"""Bringing bars in: a file, a DataFrame or a table becomes bars, with a report on what was found and done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from research_kit.bars.canonical import bars_sha256
from research_kit.bars.frame import Bars
from research_kit.bars.importing.background import FileHashes, ahead
from research_kit.bars.importing.intake import Intake
from research_kit.bars.importing.opening import Opened, open_tables
from research_kit.bars.importing.options import ImportOptions
from research_kit.bars.importing.progress import OnProgress, Reporter
from research_kit.bars.importing.rows import Rows
from research_kit.bars.quality.report import QualityReport, check_quality
from research_kit.bars.sessions import check_session, learn_session
from research_kit.bars.timeframe import infer_timeframe, timeframe_ns
from research_kit.errors import DataError, OptionError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_ROWS_TO_LEARN_FROM = 4_000_000  # eight years of minutes tell when a market is open


@dataclass(frozen=True)
class Reading:
    """What came of reading a source.

    Parameters
    ----------
    bars
        The bars.
    quality
        What was found in them, and done to them on the way in.
    layout
        What was recognised, in words.
    source_name, source_size, source_sha256
        The file's name, bytes and sha256; ``"DataFrame"`` or ``"Table"``, 0 and ``""`` for what was in memory.
    columns
        The names of the columns as they stood in the source.
    timezone
        The zone that times without one were read in; ``""`` where they carried their own, or were dates.
    bars_sha256
        The canonical hash of the bars.
    """

    bars: Bars
    quality: QualityReport
    layout: str
    source_name: str
    source_size: int
    source_sha256: str
    columns: tuple[str, ...]
    timezone: str = ""
    bars_sha256: str = ""


def read_bars(
    source: Any,
    options: ImportOptions | None = None,
    *,
    scratch: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Reading:
    """Return the bars of a source, with a report on their quality.

    The layout is recognised by looking into the file, never by its name. Rows are sorted and exact duplicates dropped,
    and both reported; prices are never changed, nothing is filled in, and rows that cannot be bars are left out only on
    request.

    Parameters
    ----------
    source
        A path to text, JSON, Parquet or Feather (each also in gzip or zip), a folder, a pattern or a list of paths that
        are one dataset, a DataFrame, a pyarrow Table, or rows as exchanges' libraries return them.
    scratch
        Folder for the numbers of sources that are larger than memory should be; the system's when not given.
    on_progress
        Called while the source is read; what it raises ends the reading.

    Raises
    ------
    NotFoundError
        There is no such file.
    UnknownFormatError
        No reader recognises the file.
    DataError
        It cannot be taken as it is: the message says why, and which option helps.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"Date": ["2020-01-02", "2020-01-03"], "Close": [1.0, 1.5]})
    >>> read_bars(frame).bars
    Bars(unnamed, 1d, 2 bars, 2020-01-02 to 2020-01-03)
    """
    options = options or ImportOptions()
    opened = open_tables(source, options)
    intake = Intake(options, opened.name, scratch)
    reporter = Reporter(on_progress, opened.size)
    with FileHashes(opened.paths) as hashes:
        _take_in(opened, intake, reporter)
        reporter.tell("sort")
        rows, findings = intake.settle()
        bars = make_bars(rows, options, intake.symbol)
        reporter.tell("check")
        with ThreadPoolExecutor(1, thread_name_prefix="hash") as pool:
            digest = pool.submit(bars_sha256, bars)
            quality, sha256 = check_quality(bars, findings), hashes.together()
    times = intake.times
    return Reading(
        bars=bars,
        quality=quality,
        bars_sha256=digest.result(),
        layout=f"{opened.layout}; {times.layout if times else ''}",
        source_name=opened.name,
        source_size=opened.size,
        source_sha256=sha256,
        columns=intake.columns,
        timezone=(options.timezone or "") if times and times.uses_timezone else "",
    )


def _take_in(opened: Opened, intake: Intake, reporter: Reporter) -> None:
    before = 0
    for part in opened.parts:
        intake.begin_file()
        reporter.tell("read", before)
        for raw in ahead(part.read()):
            intake.add(raw)
            reporter.tell("read", before + raw.bytes_read, intake.rows)
        before += part.size


def bars_from_frame(frame: pd.DataFrame, timezone: str | None = None, **details: Any) -> Bars:
    """Return bars made from a DataFrame: a time index or column, and columns under their common names.

    Rows may come in any order; rows of one time, missing and non-positive prices are refused (``read_bars`` can settle
    them and reports on it). ``details`` are the other fields of ``Bars``, and ``columns`` as in ``ImportOptions``.

    Raises
    ------
    DataError
        The frame cannot be taken as it is.
    OptionError
        A detail is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"Close": [1.0, 1.5]}, index=pd.to_datetime(["2020-01-02 15:00", "2020-01-02 15:01"]))
    >>> bars_from_frame(frame, timezone="Europe/Berlin", symbol="X")
    Bars(X, 1min, 2 bars, 2020-01-02 14:00 to 2020-01-02 14:01)
    """
    known = ("symbol", "session", "timeframe", "allow_nonpositive", "columns", "synthetic")
    for given in details:
        if given not in known:
            raise OptionError(f"Bars have no detail {given!r}. {did_you_mean(given, known)}")
    marks = details.pop("synthetic", None)
    options = ImportOptions(**{**details, "timezone": timezone, "drop_duplicates": "error"})
    intake = Intake(options, "DataFrame")
    for part in open_tables(frame, options).parts:
        for raw in part.read():
            intake.add(raw, None if marks is None else _marks(marks, len(frame)))
    rows, _ = intake.settle()
    return make_bars(rows, options, intake.symbol)


def _marks(synthetic: Any, rows: int) -> NDArray[np.bool_]:
    marks = np.asarray(synthetic, dtype=np.bool_)
    if len(marks) != rows:
        raise DataError(f"synthetic= has {len(marks)} marks, the frame has {rows} rows.")
    return marks


def make_bars(rows: Rows, options: ImportOptions, symbol: str) -> Bars:
    """Return rows that were sifted and settled as bars; timeframe and session are learnt where not given."""
    if options.timeframe is not None:
        timeframe_ns(options.timeframe)  # refuses what is no timeframe
    timeframe = options.timeframe or infer_timeframe(rows.time_ns)
    columns = dict(rows.columns)
    synthetic = columns.pop("synthetic", None)
    return Bars(
        rows.time_ns,
        columns,
        symbol=symbol,
        timeframe=timeframe,
        session=_session(rows, options, timeframe),
        allow_nonpositive=options.allow_nonpositive,
        synthetic=None if synthetic is None else synthetic > 0.0,
        check=False,  # the sieve and the spool looked at every row
    )


def _session(rows: Rows, options: ImportOptions, timeframe: str) -> str:
    """Return the session: given, or that of the exchange, or learnt from the times of bars that were traded."""
    if options.session is not None:
        check_session(options.session)
        return options.session
    if options.exchange:
        from research_kit.bars.exchanges import calendar_of_exchange

        calendar = calendar_of_exchange(options.exchange)
        if calendar is not None:
            return calendar
    return learn_session(_traded(rows), timeframe)


def _traded(rows: Rows) -> NDArray[np.int64]:
    """Return the newest times, without bars that a vendor filled in, on weekends above all."""
    newest = slice(-_ROWS_TO_LEARN_FROM, None)
    time_ns, volume = rows.time_ns[newest], rows.columns.get("volume")
    if volume is None or "high" not in rows.columns or "low" not in rows.columns:
        return time_ns
    volume, high, low = (column[newest] for column in (volume, rows.columns["high"], rows.columns["low"]))
    traded = (volume != 0) | (high != low)
    return time_ns if traded.all() or not (volume > 0).any() else time_ns[traded]
