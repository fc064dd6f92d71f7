"""Metrics, notebooks and stored trades compare equal work."""

import numpy as np
import pytest


@pytest.fixture
def values_of(script, monkeypatch):
    """Return a function that computes the values of a module of W4 on a small curve."""

    def compute(module, way=""):
        monkeypatch.setenv("BENCHMARK_ENGINE", way)
        return script(f"curves.{module}").prepare(script("curves.work").make_curve("10k"))()

    return compute


def test_values_that_differ_or_have_nothing_in_common_are_refused(script):
    check, error = script("equality").check_values, script("equality").UnequalWorkError
    assert check("a", {"x": 1.0, "y": 2.0, "z": 3.0}, {"x": 1.0 + 1e-12, "y": 2.0}, 1e-9, "b") == 2
    with pytest.raises(error, match=r"y is 2\.0 with a, 2\.1 with b"):
        check("a", {"x": 1.0, "y": 2.0}, {"x": 1.0, "y": 2.1}, 1e-9, "b")
    with pytest.raises(error, match="no value in common"):
        check("a", {"x": 1.0}, {"y": 1.0}, 1e-9, "b")


def test_metrics_of_this_project_are_those_of_the_limit(script, values_of):
    ours, limit = values_of("ours", "points"), values_of("limit")
    assert script("equality").check_values("limit", limit, ours, 1e-9, "ours") == len(limit) == 15
    assert len(ours) > 40


def test_metrics_of_days_share_what_has_no_period(script, values_of):
    days, points = values_of("ours", "days"), values_of("ours", "points")
    names = script("curves.compare").OF_ANY_PERIOD
    assert script("equality").check_values("days", {name: days[name] for name in names}, points, 1e-12, "ours") == 6
    assert days["sharpe_ratio"] != pytest.approx(points["sharpe_ratio"])


@pytest.mark.parametrize("kind", ["trivial", "research"])
def test_notebooks_say_what_came_out_and_each_has_its_own_parameter(script, tmp_path, kind):
    executed = script("batches.limit").run_all(kind, tmp_path, 3)
    results = [script("batches.work").result_of(path) for path in executed]
    assert all(result.startswith("RESULT ") for result in results)
    assert len(set(results)) == 3


@pytest.mark.slow
def test_this_project_runs_notebooks_as_the_limit_does(script, tmp_path):
    results = []
    for name in ("batches.ours", "batches.limit"):
        folder = tmp_path / name
        folder.mkdir()
        results.append([script("batches.work").result_of(path) for path in script(name).run_all("trivial", folder, 2)])
    assert results[0] == results[1] == ["RESULT 5", "RESULT 6"]


def test_a_notebook_without_a_result_is_refused(script, monkeypatch):
    module = script("batches.compare")
    monkeypatch.setattr(module, "run_module", lambda *_, **__: {"peak_mb": 1.0, "tree_mb": None, "results": ["", "x"]})
    sheet = script("sheet").Sheet()
    module.compare_notebooks(sheet, "trivial", [module.OUR_NOTEBOOKS], 2, 1)
    assert sheet.faults == ["research_kit, 2 trivial notebooks: other work: research_kit left ['', 'x']."]


@pytest.fixture
def home(script, tmp_path):
    return script("trades.databases").SqliteHome(tmp_path)


def arrays_of(frame, work):
    return {name: np.asarray(frame[name]) for name in work.COLUMNS}


def test_trades_of_this_project_come_back_as_they_were(script, home):
    work, ours = script("trades.work"), script("trades.ours")
    trades, url = work.columns(300), home.fresh()
    ours.write(url, trades)
    expected = work.values_of(trades)
    assert home.values(url) == pytest.approx(expected, rel=1e-12)
    frame = ours.read(url)
    assert work.values_of(arrays_of(frame, work)) == pytest.approx(expected, rel=1e-12)
    assert expected["rows"] == 300
    assert 100 < expected["side long"] < 200


@pytest.mark.parametrize("way", ["executemany", "core", "pandas", "SQLModel bulk", "SQLModel add_all"])
def test_every_way_writes_the_same_trades(script, home, way):
    work, peer = script("trades.work"), script("trades.peer_sqlalchemy")
    trades, url = work.columns(50), home.fresh()
    peer.WRITERS[way](url, trades)
    check = script("equality").check_values
    assert check(way, home.values(url), work.values_of(trades), 1e-12, "given") == len(work.values_of(trades))


@pytest.mark.parametrize("way", ["rows", "pandas", "ORM"])
def test_every_way_reads_the_same_trades(script, home, way):
    work, peer = script("trades.work"), script("trades.peer_sqlalchemy")
    trades = work.columns(50)
    frame = peer.READERS[way](script("trades.databases").filled(home, trades))
    found = work.values_of(arrays_of(frame, work))
    assert found == pytest.approx(work.values_of(trades), rel=1e-12)


def test_the_limit_keeps_the_columns(script, home):
    work, limit = script("trades.work"), script("trades.limit")
    trades, url = work.columns(50), home.fresh()
    limit.write(url, trades)
    assert work.values_of(limit.read(url)) == work.values_of(trades)


def test_a_trade_that_is_missing_is_refused(script, home):
    work = script("trades.work")
    trades, url = work.columns(50), home.fresh()
    script("trades.ours").write(url, {name: values[:-1] for name, values in trades.items()})
    with pytest.raises(script("equality").UnequalWorkError, match=r"rows is 49\.0"):
        script("equality").check_values("a", home.values(url), work.values_of(trades), 1e-9, "given")


@pytest.mark.postgres
@pytest.mark.slow
def test_trades_in_postgresql_come_back_as_they_were(script):
    work, databases, ours = (script(f"trades.{name}") for name in ("work", "databases", "ours"))
    if script("trades.postgres").programs() is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    trades = work.columns(50)
    with databases.postgres_home() as home:
        url = databases.filled(home, trades)
        assert home.values(url) == pytest.approx(work.values_of(trades), rel=1e-12)
        frame = ours.read(url)
    assert work.values_of(arrays_of(frame, work)) == pytest.approx(work.values_of(trades))
