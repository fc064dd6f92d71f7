"""Bringing bars in: a file, a DataFrame or a table becomes bars, with a report on what was found and done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from research_kit.bars.columns import Assigned, assign_columns, check_assumed_order
from research_kit.bars.findings import Finding, counted
from research_kit.bars.frame import PRICE_COLUMNS, Bars, FloatArray
from research_kit.bars.numbers import to_floats
from research_kit.bars.quality import QualityReport, check_quality
from research_kit.bars.readers.base import RawTable
from research_kit.bars.readers.sniff import Hints
from research_kit.bars.rows import Duplicates, Fault, Rows, settle_duplicates, settle_faults, settle_order
from research_kit.bars.sessions import check_session, learn_session
from research_kit.bars.timeframe import infer_timeframe, timeframe_ns
from research_kit.bars.times import Ambiguous, Times, read_times
from research_kit.errors import DataError, OptionError, did_you_mean
from research_kit.validation import CheckedModel

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class ImportOptions(CheckedModel):
    """How a source of bars is to be read: frozen, validated, JSON both ways. Most sources need at most a time zone.

    Examples
    --------
    >>> ImportOptions(timezone="UTC", columns={"close": "Last"}).columns
    {'close': 'Last'}
    >>> ImportOptions(timezon="UTC")
    Traceback (most recent call last):
    research_kit.errors.OptionError: An import has no option 'timezon'. Did you mean 'timezone'?
    """

    _subject: ClassVar[str] = "An import"

    timezone: str | None = Field(None, description="What times without a zone mean, such as America/New_York")
    columns: dict[str, str] | tuple[str, ...] | None = Field(
        None, description="Names in the source by what they are, or what each column is, in order"
    )
    symbol: str = Field("", description="What was traded; learnt from a column that names it")
    exchange: str = Field("", description="Where; one that has a calendar (NYSE) gives the session")
    session: str | None = Field(None, description="24/7, 24/5, weekdays or an exchange calendar; learnt when not given")
    timeframe: str | None = Field(
        None, description="Spacing of the bars such as 5min; the most common one when not given"
    )
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="Of text; seen when not given")
    decimal: Literal[".", ","] | None = Field(None, description="Decimal sign of text; seen when not given")
    day_first: bool | None = Field(None, description="Whether 03/01 is 3 January, where the dates do not tell")
    ambiguous: Ambiguous = Field("error", description="Which is meant of local times that happened twice")
    allow_nonpositive: bool = Field(False, description="The instrument may trade at or below zero")
    drop_bad: bool = Field(False, description="Leave out rows that cannot be bars, and count them")
    drop_duplicates: Duplicates = Field("exact", description="Which rows of one time are settled: none, exact, all")


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
    """

    bars: Bars
    quality: QualityReport
    layout: str
    source_name: str
    source_size: int
    source_sha256: str
    columns: tuple[str, ...]
    timezone: str = ""


@dataclass(frozen=True)
class _Opened:
    raw: RawTable
    layout: str
    name: str
    size: int = 0
    sha256: str = ""


def read_bars(source: str | Path | pd.DataFrame | pa.Table, options: ImportOptions | None = None) -> Reading:
    """Return the bars of a source, with a report on their quality.

    The layout is recognised by looking into the file, never by its name. Rows are sorted and exact duplicates dropped,
    and both reported; prices are never changed, nothing is filled in, and rows that cannot be bars are left out only on
    request.

    Parameters
    ----------
    source
        A path to delimited text, Parquet or Feather (each also in gzip or zip), a DataFrame, or a pyarrow Table.

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
    Bars(unnamed, 1d, 2 bars, 2020-01-02T00:00:00.000000000 to 2020-01-03T00:00:00.000000000)
    """
    options = options or ImportOptions()
    opened = _opened(source, options)
    rows, times, symbol = _rows(opened, options)
    bars = _bars(rows, options, symbol)
    return Reading(
        bars=bars,
        quality=check_quality(bars, rows.findings),
        layout=f"{opened.layout}; {times.layout}",
        source_name=opened.name,
        source_size=opened.size,
        source_sha256=opened.sha256,
        columns=tuple(opened.raw.table.column_names),
        timezone=(options.timezone or "") if "without a zone" in times.layout else "",
    )


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
    Bars(X, 1min, 2 bars, 2020-01-02T14:00:00.000000000 to 2020-01-02T14:01:00.000000000)
    """
    known = ("symbol", "session", "timeframe", "allow_nonpositive", "columns", "synthetic")
    for given in details:
        if given not in known:
            raise OptionError(f"Bars have no detail {given!r}. {did_you_mean(given, known)}")
    synthetic = details.pop("synthetic", None)
    options = ImportOptions(**{**details, "timezone": timezone, "drop_duplicates": "error"})
    rows, _, symbol = _rows(_opened(frame, options), options)
    bars = _bars(rows, options, symbol)
    if synthetic is None:
        return bars
    marks = np.asarray(synthetic, dtype=np.bool_)
    if len(marks) != len(frame):
        raise DataError(f"synthetic= has {len(marks)} marks, the frame has {len(frame)} rows.")
    return replace(bars, synthetic=marks[rows.position], check=False)


def _opened(source: Any, options: ImportOptions) -> _Opened:
    """Return the raw table of a source of any kind."""
    if isinstance(source, str | Path):
        return _opened_file(Path(source), options)
    import pandas as pd
    import pyarrow as pa

    if isinstance(source, pd.DataFrame):
        from research_kit.bars.readers.memory import table_of_frame

        return _Opened(table_of_frame(source), "a DataFrame", "DataFrame")
    if isinstance(source, pa.Table):
        return _Opened(RawTable(source), "a pyarrow Table", "Table")
    raise DataError(f"Bars cannot be read from a {type(source).__name__}; give a path, a DataFrame or a pyarrow Table.")


def _opened_file(path: Path, options: ImportOptions) -> _Opened:
    from research_kit.bars.readers.containers import open_source
    from research_kit.bars.readers.registry import choose_reader

    names = None if options.columns is None or isinstance(options.columns, dict) else options.columns
    source = open_source(path, Hints(options.delimiter, options.decimal, names, options.symbol))
    reader, sentence = choose_reader(source)
    raw = next(reader.read(source))
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return _Opened(raw, sentence, path.name, path.stat().st_size, sha256)


def _rows(opened: _Opened, options: ImportOptions) -> tuple[Rows, Times, str]:
    """Return sorted rows that bars can hold, how their times were written, and the symbol."""
    raw = replace(opened.raw, table=_plain(opened.raw.table))
    if not raw.table.num_rows:
        raise DataError(f"{opened.name} has columns ({', '.join(raw.table.column_names)}) and no rows.")
    assigned = assign_columns(raw.table, has_header=raw.has_header, given=options.columns, source=opened.name)
    symbol = options.symbol or raw.symbol or _one_symbol(raw, assigned, opened.name)
    times = read_times(
        [raw.table[name] for name in assigned.time],
        options.timezone or raw.timezone or None,
        day_first=options.day_first,
        ambiguous=options.ambiguous,
    )
    columns, texts, left_out = _columns(raw, assigned)
    if assigned.assumed:
        order = np.argsort(times.ns, kind="stable")
        check_assumed_order({name: columns[name][order] for name in PRICE_COLUMNS}, assigned, opened.name)
    rows = Rows(times.ns, columns, np.arange(len(times.ns)), (*_ragged(raw, options, opened.name), *left_out))
    rows = settle_faults(
        rows,
        times.bad,
        texts,
        allow_nonpositive=options.allow_nonpositive,
        drop=options.drop_bad,
        source=opened.name,
    )
    return settle_duplicates(settle_order(rows), options.drop_duplicates, opened.name), times, symbol


def _plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries and other encodings of columns."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(at, field.name, table[field.name].cast(field.type.value_type))
    return table


def _one_symbol(raw: RawTable, assigned: Assigned, source: str) -> str:
    """Return the instrument that a column names, refusing several in one source."""
    if not assigned.symbol:
        return ""
    import pyarrow.compute as pc

    names = [str(name) for name in pc.unique(raw.table[assigned.symbol]).to_pylist() if name is not None]
    if len(names) > 1:
        raise DataError(
            f"{source} holds {len(names):,} instruments in its column {assigned.symbol!r} ({', '.join(names[:3])}"
            "...); import them one by one."
        )
    return names[0] if names else ""


def _columns(raw: RawTable, assigned: Assigned) -> tuple[dict[str, FloatArray], dict[str, Fault], list[Finding]]:
    """Return the columns as numbers, where prices are text instead, and what is to be said about the others."""
    columns: dict[str, FloatArray] = {}
    texts: dict[str, Fault] = {}
    left_out: list[str] = []
    for name, source_name in assigned.fields.items():
        column = raw.table[source_name]
        floats, text = to_floats(column, decimal=raw.decimal, whole=name == "volume")
        if name in PRICE_COLUMNS:
            if text.any():
                cell = repr(column[int(np.argmax(text))].as_py())[:40]
                texts[name] = Fault("price_not_a_number", f"whose {name!r} is no number", text, cell)
        elif name != "volume" and 2 * int(np.isnan(floats).sum()) > len(floats):
            left_out.append(source_name)
            continue
        columns[name] = floats
    words = "Columns that are not numbers, or mostly empty, were left out."
    shown = tuple(repr(name) for name in left_out[:10])
    return columns, texts, [Finding("columns_left_out", "note", len(left_out), words, shown)] if left_out else []


def _ragged(raw: RawTable, options: ImportOptions, source: str) -> list[Finding]:
    if not raw.ragged:
        return []
    if not options.drop_bad:
        raise DataError(
            f"{source} has {counted(raw.ragged, 'line')} with the wrong number of cells (the first: "
            f"{raw.first_ragged!r}); say drop_bad=True to leave them out (the quality report counts them)."
        )
    words = "Lines with the wrong number of cells were left out, because drop_bad=True."
    return [Finding("ragged_lines", "error", raw.ragged, words, (raw.first_ragged,))]


def _bars(rows: Rows, options: ImportOptions, symbol: str) -> Bars:
    if options.timeframe is not None:
        timeframe_ns(options.timeframe)  # refuses what is no timeframe
    timeframe = options.timeframe or infer_timeframe(rows.time_ns)
    return Bars(
        rows.time_ns,
        rows.columns,
        symbol=symbol,
        timeframe=timeframe,
        session=_session(rows, options, timeframe),
        allow_nonpositive=options.allow_nonpositive,
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
    """Return the times without bars that a vendor filled in, on weekends above all."""
    volume = rows.columns.get("volume")
    if volume is None or not (volume > 0).any() or "high" not in rows.columns or "low" not in rows.columns:
        return rows.time_ns
    traded = (volume != 0) | (rows.columns["high"] != rows.columns["low"])
    return rows.time_ns if traded.all() else rows.time_ns[traded]
