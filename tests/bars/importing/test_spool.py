"""Blocks of rows to one sequence of bars, in memory and in files: the same as a slow one-piece way."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research_kit.bars.importing.rows import Rows
from research_kit.bars.importing.spool import Spool
from research_kit.bars.mapped import ScratchArray, forget
from research_kit.bars.timeframe import DAY
from research_kit.errors import DataError

START = 1_577_836_800_000_000_000


def rows(days, close, **others) -> Rows:
    columns = {"close": close, **others}
    return Rows(
        START + np.asarray(days, dtype=np.int64) * DAY,
        {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()},
    )


def settled(*blocks: Rows, duplicates="exact", **how):
    spool = Spool(duplicates=duplicates, **how)
    for block in blocks:
        spool.add(block)
    return spool.settle("x.csv")


def counts(findings) -> dict[str, int]:
    return {found.name: found.count for found in findings}


def test_rows_in_order_come_back_as_they_were():
    given = rows([0, 1], [1, 2])
    out, findings = settled(given)
    assert out.time_ns is given.time_ns
    assert findings == []


def test_order_is_restored_and_reported():
    out, findings = settled(rows([0, 2, 1, 3], [1, 3, 2, 4]))
    assert out.columns["close"].tolist() == [1, 2, 3, 4]
    assert [(found.name, found.count, found.examples) for found in findings] == [("unsorted", 1, ("2020-01-02",))]


def test_newest_first_is_told_from_disorder_also_over_blocks():
    out, findings = settled(rows([4, 3], [5, 4]), rows([2, 1, 0], [3, 2, 1]))
    assert out.columns["close"].tolist() == [1, 2, 3, 4, 5]
    assert counts(findings) == {"newest_first": 5}


def test_exact_duplicates_are_dropped_and_counted():
    nothing = np.nan
    out, findings = settled(rows([0, 1, 1, 1, 2], [1, 2, 2, 2, 3], volume=[1, nothing, nothing, nothing, 1]))
    assert out.columns["close"].tolist() == [1, 2, 3]
    assert counts(findings) == {"duplicate_exact": 2}


def test_conflicting_duplicates_are_refused_or_settled_as_asked():
    given = rows([0, 1, 1, 2], [1, 2, 9, 3])
    with pytest.raises(DataError, match=r"1 row contradicting another row of the same time \(first: 2020-01-02\)"):
        settled(given)
    for mode, close in (("first", 2), ("last", 9)):
        out, findings = settled(given, duplicates=mode)
        assert out.columns["close"].tolist() == [1, close, 3]
        assert [(found.name, found.severity) for found in findings] == [("duplicate_conflicting", "error")]


def test_error_refuses_exact_ones_too():
    with pytest.raises(DataError, match="1 row with the time of another"):
        settled(rows([0, 0], [1, 1]), duplicates="error")


def test_sorting_can_be_refused():
    spool = Spool()
    spool.add(rows([0, 2, 1], [1, 2, 3]))
    with pytest.raises(DataError, match=r"1 row earlier than the row before \(first: 2020-01-02\); leave sort=True"):
        spool.settle("x.csv", sort=False)


def slow(blocks: list[Rows], mode: str) -> dict[int, tuple[float, float]]:
    """Return close and volume by time, settled one row after the other."""
    out: dict[int, tuple[float, float]] = {}
    for block in blocks:
        for at, time in enumerate(block.time_ns.tolist()):
            if mode == "last" or time not in out:
                out[time] = (float(block.columns["close"][at]), float(block.columns["volume"][at]))
    return dict(sorted(out.items()))


@given(
    blocks=st.lists(
        st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3), st.integers(0, 1)), min_size=1, max_size=12),
        min_size=1,
        max_size=6,
    ),
    mode=st.sampled_from(["first", "last"]),
    memory=st.sampled_from([0, 200, 1 << 20]),
    slice_rows=st.sampled_from([1, 3, 7, 1_000]),
)
def test_any_blocks_come_out_as_from_one_row_after_the_other(blocks, mode, memory, slice_rows):
    made = [rows(*zip(*[(day, close) for day, close, _ in block], strict=True), volume=[v for _, _, v in block])
            for block in blocks]  # fmt: skip
    out, findings = settled(*made, duplicates=mode, memory=memory, slice_rows=slice_rows)
    wanted = slow(made, mode)
    assert out.time_ns.tolist() == list(wanted)
    pairs = zip(out.columns["close"].tolist(), out.columns["volume"].tolist(), strict=True)
    assert list(pairs) == list(wanted.values())
    dropped = sum(len(block) for block in made) - len(wanted)
    assert sum(n for name, n in counts(findings).items() if name.startswith("duplicate")) == dropped


def test_a_file_that_repeats_itself_over_and_over_is_one_file():
    block = rows(range(1_000), range(1, 1_001))
    out, findings = settled(*[block] * 40, memory=10_000, slice_rows=700)
    assert np.array_equal(out.time_ns, block.time_ns)
    assert counts(findings) == {"unsorted": 39, "duplicate_exact": 39_000}


def test_large_sources_leave_no_file_behind(tmp_path):
    out, _ = settled(rows(range(100), range(1, 101)), folder=tmp_path, memory=0)
    assert list(tmp_path.iterdir()) == []
    assert out.columns["close"].sum() == 5050
    forget(out.columns["close"])
    assert out.columns["close"].sum() == 5050


def test_a_full_disk_is_said_in_a_sentence():
    scratch = ScratchArray(np.dtype(np.float64), Path(tempfile.gettempdir()))
    scratch._file.close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        scratch._file = full
        with pytest.raises(DataError, match=r"no room for the numbers of this import .No space left on device."):
            scratch.append(np.ones(100_000))
