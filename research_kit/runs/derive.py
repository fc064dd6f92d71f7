"""New versions of datasets made from stored ones: resampled, adjusted, cut, joined, repaired; what was there stays.

A result is a row and a file of its own, with its lineage: the operation, its arguments, and the id, name and sha256 of
each parent, whose bars are read whole and compared with their sha256 first. The same result under the same name is one
row. What looks at the data in another way (resample, adjust, slice, merge) gets a name of its own: both can be used
side by side, and a notebook that runs twice starts from the same data twice. A repair is a new version under the same
name, which means the repaired one from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.bars.derive.adjust import Method
from research_kit.bars.derive.adjust import adjust as adjust_bars
from research_kit.bars.derive.clean import drop_bad as drop_bad_bars
from research_kit.bars.derive.factors import Factors, read_factors
from research_kit.bars.derive.fill import fill_flat
from research_kit.bars.derive.join import Moment, Overlap, merge_with_findings, slice_bars
from research_kit.bars.derive.resample import resample as resample_bars
from research_kit.bars.findings import Finding, counted
from research_kit.bars.quality.report import check_quality
from research_kit.errors import DataError, NotFoundError, OptionError, did_you_mean
from research_kit.runs.facts import facts_of
from research_kit.runs.importing import open_dataset
from research_kit.store.datasets import add_dataset, find_dataset
from research_kit.store.json_values import to_json
from research_kit.store.reach import data_end
from research_kit.store.records import NAME_LENGTH, NewDataset, check_dataset_name, short_text

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.runs.home import Home
    from research_kit.store.tables import Dataset


@dataclass(frozen=True)
class _Step:
    """How a version is made, and what is to be said of it beside where it came from."""

    operation: str
    arguments: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()


def resample(home: Home, dataset: Dataset, timeframe: str, *, name: str | None = None) -> Dataset:
    """Return the version of longer bars, named after dataset and timeframe: ``"SPY 1h"``."""
    name = _name(name, dataset.name, timeframe)
    bars = resample_bars(verified_bars(home, dataset), timeframe)
    return _keep(home, [dataset], bars, _Step("resample", {"timeframe": bars.timeframe}), name)


def adjust(
    home: Home, dataset: Dataset, factors: Any, *, method: Method = "backward", name: str | None = None
) -> Dataset:
    """Return the version without the jumps of splits and dividends: ``"SPY adjusted"``.

    Raises
    ------
    OptionError
        The dataset, or what it was made from, was adjusted by the same factors already.
    """
    name = _name(name, dataset.name, "adjusted" if method == "backward" else f"adjusted {method}")
    bars = verified_bars(home, dataset)
    given, told = _factors(bars, factors)
    arguments = {"factors": told, "method": method}
    for before, lineage in _history(home, dataset):
        if (lineage["operation"], lineage["arguments"]) == ("adjust", arguments):
            raise OptionError(
                f"{_listed([dataset])} was adjusted by these factors already, as dataset {before}; once more would "
                "change prices twice. Give the raw version by its id."
            )
    return _keep(home, [dataset], adjust_bars(bars, given, method=method), _Step("adjust", arguments), name)


def cut(
    home: Home, dataset: Dataset, start: Moment | None = None, end: Moment | None = None, *, name: str | None = None
) -> Dataset:
    """Return the version of the bars from a start up to but not including an end: ``"SPY from 2019-01-01"``."""
    if start is None and end is None:
        raise OptionError("A slice needs a start, an end or both, such as end='2020-01-01'.")
    span = " ".join(f"{word} {moment}" for word, moment in (("from", start), ("to", end)) if moment is not None)
    name = _name(name, dataset.name, span)
    bars = slice_bars(verified_bars(home, dataset), start, end)
    return _keep(home, [dataset], bars, _Step("slice", {"start": start, "end": end}), name)


def merge(home: Home, datasets: Sequence[Dataset], *, overlap: Overlap = "error", name: str | None = None) -> Dataset:
    """Return the version that holds the bars of several datasets: ``"BTC 2017 + BTC 2018"``."""
    if len(datasets) < 2:
        raise OptionError("A merge needs at least two datasets, such as ['BTC 2017', 'BTC 2018'].")
    first, others = datasets[0].name, datasets[1:]
    name = _name(name, first, f"+ {others[0].name}" if len(others) == 1 else f"and {len(others)} more")
    bars, findings = merge_with_findings([verified_bars(home, one) for one in datasets], overlap=overlap)
    return _keep(home, datasets, bars, _Step("merge", {"overlap": overlap}, findings), name)


def repair(
    home: Home,
    dataset: Dataset,
    *,
    fill: str | None = None,
    drop_bad: bool = False,
    drop: Sequence[str] = (),
    name: str | None = None,
) -> Dataset:
    """Return the repaired version under the same name; the dataset itself where there was nothing to repair."""
    if fill not in (None, "flat"):
        raise OptionError(f"fill={fill!r} is unknown. {did_you_mean(str(fill), ['flat'])}")
    if fill is None and not drop_bad and not drop:
        raise OptionError("Say what to repair: fill='flat' for missing bars, drop_bad=True for wrong ones, or both.")
    name = check_dataset_name(dataset.name if name is None else name)
    also = (drop,) if isinstance(drop, str) else tuple(drop)
    bars = verified_bars(home, dataset)
    left_out: tuple[Finding, ...] = ()
    filled: tuple[Finding, ...] = ()
    if drop_bad or also:
        bars, left_out = drop_bad_bars(bars, also)
    if fill:
        bars, filled = _filled(bars)
    arguments = {"fill": fill, "drop_bad": bool(drop_bad or also), "drop": also}
    return _keep(home, [dataset], bars, _Step("repair", arguments, (*left_out, *filled)), name)


def verified_bars(home: Home, dataset: Dataset) -> Bars:
    """Return the bars of a dataset, all of them read and compared with their sha256.

    Raises
    ------
    ArtifactMissingError
        The file is not there, or one byte of its numbers is not what was stored.
    """
    home.files.verify_bars(dataset.file_path, dataset.sha256 or "", dataset.file_size or 0)
    return open_dataset(home, dataset)


def _keep(home: Home, parents: Sequence[Dataset], bars: Bars, step: _Step, name: str) -> Dataset:
    """Return the row of derived bars: made now, or there already under this name."""
    if not len(bars):
        raise DataError(f"No bars are left of {_listed(parents)}; nothing was stored.")
    quality = check_quality(bars, [_told(parents, bars, step), *step.findings])
    stored = home.files.save_bars(bars)
    first = parents[0]
    if (first.name, first.sha256) == (name, stored.sha256):
        return first  # nothing changed
    facts = facts_of(bars, quality, stored)
    ends = [data_end(facts["end_date"], bars.timeframe, bars.session), _latest(parents)]
    carried: dict[str, Any] = {
        column: getattr(first, column) or "" for column in ("filename", "exchange", "data_source")
    }
    return add_dataset(
        home.database,
        NewDataset(
            name=name,
            timezone=first.timezone or "UTC",
            import_options={"allow_nonpositive": True} if bars.allow_nonpositive else {},
            parents=[parent.id for parent in parents],
            lineage=_recorded(parents, step),
            data_until=min(end for end in ends if end is not None),
            **carried,
            **facts,
        ),
    )


def _recorded(parents: Sequence[Dataset], step: _Step) -> dict[str, Any]:
    return {
        "operation": step.operation,
        "arguments": to_json(step.arguments),
        "parents": [{"id": parent.id, "name": parent.name, "sha256": parent.sha256} for parent in parents],
    }


def _told(parents: Sequence[Dataset], bars: Bars, step: _Step) -> Finding:
    """Return the finding that says where the bars came from."""
    before = counted(sum(parent.rows_count or 0 for parent in parents), "bar")
    said = {name: value for name, value in step.arguments.items() if value and name != "factors"}
    how = ", ".join(f"{name}={value}" for name, value in said.items())
    words = f"Made by {step.operation} ({how}) from {_listed(parents)}: {before} became {counted(len(bars), 'bar')}."
    return Finding("derived", "note", len(bars), words)


def _listed(parents: Sequence[Dataset], most: int = 5) -> str:
    shown = ", ".join(f"{parent.name!r} (dataset {parent.id})" for parent in parents[:most])
    return shown + (f" and {len(parents) - most} more" if len(parents) > most else "")


def _latest(parents: Sequence[Dataset]) -> Any:
    """Return up to when the parents hold data; None where one does not say."""
    ends = [parent.data_until for parent in parents]
    return max((end for end in ends if end is not None), default=None) if None not in ends else None


def _name(given: str | None, base: str, addition: str) -> str:
    """Return the name that is given, or one made of a dataset's name and what was done; a long name is cut."""
    if given is not None:
        return check_dataset_name(given)
    addition = short_text(addition, NAME_LENGTH // 2)
    return check_dataset_name(f"{short_text(base, NAME_LENGTH - 1 - len(addition))} {addition}")


def _factors(bars: Bars, factors: Any) -> tuple[Any, Any]:
    """Return factors as ``adjust`` takes them, and as lineage keeps them."""
    if isinstance(factors, str) and (factors in bars or factors == "adj_close"):
        return factors, factors
    if isinstance(factors, Mapping):
        return factors, to_json({name: [_dated(*row) for row in rows] for name, rows in factors.items()})
    known = factors if isinstance(factors, Factors) else read_factors(factors)
    rows = zip(known.until.tolist(), known.price.tolist(), known.split.tolist(), strict=True)
    return known, [[str(np.datetime64(day, "D")), price, split] for day, price, split in rows]


def _dated(day: Any, *values: Any) -> list[Any]:
    return [str(day)[:10], *values]


def _filled(bars: Bars) -> tuple[Bars, tuple[Finding, ...]]:
    filled = fill_flat(bars)
    added = len(filled) - len(bars)
    words = f"{counted(added, 'missing bar')} filled in at the close before, without volume, marked as synthetic."
    return filled, (Finding("filled_flat", "note", added, words),) if added else ()


def _history(home: Home, dataset: Dataset) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the id and the lineage of a dataset and of everything that it was made from."""
    waiting = [dataset]
    while waiting:
        one = waiting.pop()
        if one.lineage is not None:
            yield one.id, one.lineage
            for parent in one.lineage["parents"]:
                with suppress(NotFoundError):  # deleted since
                    waiting.append(find_dataset(home.database, int(parent["id"])))
