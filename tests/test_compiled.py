"""Compiled code is renewed when any source of it changes: numba itself looks at one file only."""

import numpy as np
import pytest

from research_kit import compiled
from research_kit.engine.kernel import run_bars
from research_kit.strategy.indicators.averages import sma


@pytest.fixture
def fresh_stamp():
    compiled._sources_stamp.cache_clear()
    yield
    compiled._sources_stamp.cache_clear()


def test_the_stamp_follows_every_compiled_source_and_no_other_file(tmp_path, monkeypatch, fresh_stamp):
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    (tmp_path / "deep").mkdir()
    part = tmp_path / "deep" / "part.py"
    part.write_text("from research_kit.compiled import compiled\n")
    before = compiled._sources_stamp()
    compiled._sources_stamp.cache_clear()
    (tmp_path / "other.py").write_text("x = 1\n")
    assert compiled._sources_stamp() == before
    compiled._sources_stamp.cache_clear()
    part.write_text("from research_kit.compiled import compiled\nx = 1\n")
    assert compiled._sources_stamp() != before


def test_the_kernel_is_cached_under_the_stamp():
    assert run_bars._cache._cache_file._source_stamp == compiled._sources_stamp()


def test_compiled_functions_give_up_the_lock():
    assert run_bars.targetoptions["nogil"]
    assert np.isnan(sma(np.ones(3), 5)).all()
