"""A stored run again: the same is verified, and of whatever was changed in turn the cause is named rightly."""

import json
import sys

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

import research_kit as rk
from research_kit.errors import StoreError
from research_kit.runs import spec as spec_module
from research_kit.runs.trust import verifying
from research_kit.runs.trust.verification import Verification
from research_kit.store.verdicts import find_verdict, list_verdicts

RULE = """
import research_kit as rk
from .helpers import above

class Rule(rk.Strategy):
    '''Long above an average.'''
    length: int = rk.Param(20, ge=2)

    def signals(self, bars):
        return rk.Signals.target(above(bars.close, self.length))
"""
HELPERS = """
import research_kit as rk

def above(close, length):
    return close > rk.indicators.sma(close, length)
"""


@pytest.fixture
def own(ws):
    """Return the workspace with a strategy of its own, two files, in its folder."""
    (ws.folder / "strategies" / "rule.py").write_text(RULE)
    (ws.folder / "strategies" / "helpers.py").write_text(HELPERS)
    return ws


@pytest.fixture
def run(own):
    return own.run("rule", "walk", {"length": 15}, commission=0.0005, seed=3)


def sql(ws, statement, **values):
    with ws.database.write() as session:
        session.execute(sa.text(statement), values)


def edit_json(ws, table, column, row_id, change):
    """Change a JSON value of a row in place."""
    with ws.database.write() as session:
        text = session.execute(sa.text(f"SELECT CAST({column} AS TEXT) FROM {table} WHERE id = {row_id}")).scalar_one()
        value = json.loads(text)
        change(value)
        session.execute(
            sa.text(f"UPDATE {table} SET {column} = :value WHERE id = {row_id}"), {"value": json.dumps(value)}
        )


def again(ws, run):
    """Return the run, read from the store once more, and what its verification found."""
    return ws.load_run(run.id).verify()


def change_a_bar(ws, sha256, row=700):
    """Change one close in the stored file of bars, which keeps its name, its size and its stamp."""
    path = ws.folder / "data" / f"{sha256}.arrow"
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as stored:
        batch = stored.get_batch(0)
    columns = {name: np.array(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    for name in ("open", "high", "low", "close"):
        columns[name][row] *= 1.05
    changed = pa.record_batch([pa.array(column) for column in columns.values()], schema=batch.schema)
    del batch
    path.unlink()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, changed.schema) as writer:
        writer.write_batch(changed)


def test_a_run_is_verified_byte_for_byte_and_the_verdict_is_kept(own, run):
    found = again(own, run)
    assert found.outcome == "verified"
    assert found.is_verified
    assert found.causes == found.differences == found.notes == ()
    assert found.compared["bars"] == 3_000
    kept = find_verdict(own.database, "verify", backtest_id=run.id)
    assert (kept.outcome, kept.summary) == ("verified", found.summary)
    assert kept.spec_hash == run.spec["spec_hash"]
    assert kept.details["compared"] == dict(found.compared)


def test_one_bar_is_named_as_data(own, run):
    change_a_bar(own, run.spec["dataset_sha256"])
    found = again(own, run)
    assert found.outcome == "differs"
    assert found.cause_names == ["data"]
    assert "were changed after they were stored" in found.summary
    assert any(line.startswith("equity from bar") for line in found.differences)


def test_a_bars_file_that_is_gone_is_named_as_data(own, run):
    (own.folder / run.dataset.file_path).unlink()
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("failed", ["data"])


def test_a_dataset_that_names_other_bars_is_named_as_data(own, run, make_bars):
    other = own.import_dataset(make_bars(3_000, seed=8).frame, name="other", symbol="WALK")
    sql(own, "UPDATE backtests SET dataset_id = :other WHERE id = :id", other=other.id, id=run.id)
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("differs", ["data"])
    assert found.differences == ()  # the bars of its hash are there, and give the same


def test_one_line_of_the_stored_source_is_named_as_code(own, run):
    text = run.source.replace("close > rk", "close >= rk")
    sql(own, "UPDATE strategies SET source = :text WHERE id = :id", text=text, id=run.job.strategy_id)
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("differs", ["code"])


def test_one_line_of_the_file_is_a_note_and_the_stored_source_is_run(own, run):
    (own.folder / "strategies" / "helpers.py").write_text(HELPERS.replace("close >", "close <"))
    with rk.open_workspace(own.folder, own.database.url) as fresh:
        found = fresh.load_run(run.id).verify(trust=True)
        newer = fresh.run("rule", "walk", {"length": 15}, commission=0.0005, seed=3)
        assert newer.metrics["total_return"] != run.metrics["total_return"]
    assert found.outcome == "verified"
    assert found.notes == ("the strategy has changed since: the file of today has another source",)


def test_a_strategy_whose_file_is_gone_is_verified_from_what_was_stored(own, run):
    for name in ("rule.py", "helpers.py"):
        (own.folder / "strategies" / name).unlink()
    with rk.open_workspace(own.folder, own.database.url) as fresh:
        assert fresh.load_run(run.id).verify(trust=True).outcome == "verified"


@pytest.mark.parametrize("table", ["backtest_jobs.spec", "backtest_jobs.strategy_params", "backtests.strategy_params"])
def test_one_parameter_is_named(own, run, table):
    table, column = table.split(".")

    def change(value):
        value.get("parameters", value)["length"] = 16

    edit_json(own, table, column, run.job.id if table == "backtest_jobs" else run.id, change)
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("differs", ["parameters"])
    assert "length was edited: a row says 16, the run had 15" in found.summary


@pytest.mark.parametrize("column", ["spec", "engine_options"])
def test_one_option_is_named(own, run, column):
    def change(value):
        value.get("options", value)["commission"] = 0.002

    edit_json(own, "backtest_jobs", column, run.job.id, change)
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("differs", ["options"])
    assert "commission was edited: a row says 0.002, the run had 0.0005" in found.summary


@pytest.mark.parametrize("where", ["options", "spec", "column"])
def test_the_seed_is_named(own, run, where):
    if where == "column":
        sql(own, "UPDATE backtest_jobs SET seed = 4 WHERE id = :id", id=run.job.id)
    else:
        edit_json(
            own,
            "backtest_jobs",
            "spec",
            run.job.id,
            lambda spec: (spec["options"] if where == "options" else spec).update(seed=4),
        )
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("differs", ["seed"])


def test_a_specification_that_nothing_proves_is_named_as_the_record(own, run):
    for table, column in (("backtest_jobs", "spec"), ("backtest_jobs", "engine_options"), ("trials", "options")):
        edit_json(own, table, column, 1, lambda value: value.get("options", value).update(commission=0.01))
    found = again(own, run)
    assert found.outcome == "differs"
    assert found.cause_names == ["record"]
    assert "does not have its own hash" in found.summary


def test_one_version_is_a_note_where_the_result_is_the_same(own, run):
    edit_json(own, "backtest_jobs", "spec", run.job.id, lambda spec: spec["versions"].update(numpy="1.0"))
    found = again(own, run)
    assert found.outcome == "verified"
    assert f"numpy 1.0 to {np.__version__}" in found.notes[0]


class Versioned(rk.Strategy):
    """Trades by the version of a package."""

    def signals(self, bars):
        return rk.Signals.target(np.arange(len(bars)) // 100 % len(np.__version__) == 1)


def test_one_version_is_the_cause_where_the_result_differs(ws, monkeypatch):
    versions = spec_module.current_versions()
    with monkeypatch.context() as then:
        then.setattr(np, "__version__", "1.0")
        then.setattr("research_kit.runs.recording.current_versions", lambda: versions | {"numpy": "1.0"})
        run = ws.run(Versioned, "walk")
    found = again(ws, run)
    assert (found.outcome, found.cause_names) == ("differs", ["versions"])
    assert "numpy 1.0 to" in found.summary
    assert found.differences[0].startswith("stored / now: order")


class Random(rk.Strategy):
    """Draws its signals."""

    def signals(self, bars):
        return rk.Signals.target(np.random.default_rng().random(len(bars)) > 0.9)


def test_a_strategy_that_draws_without_a_seed_is_named(ws):
    found = again(ws, ws.run(Random, "walk"))
    assert (found.outcome, found.cause_names) == ("differs", ["seed"])
    assert "two runs of it differ" in found.summary.lower()


class Outside(rk.Strategy):
    """Reads what stands outside of it."""

    def signals(self, bars):
        return rk.Signals.target(np.arange(len(bars)) % 50 < len(sys.ps9) if hasattr(sys, "ps9") else bars.close > 0)


def test_what_changes_outside_is_unknown_and_said_to_be_outside(ws, monkeypatch):
    run = ws.run(Outside, "walk")
    monkeypatch.setattr(sys, "ps9", "...", raising=False)
    found = again(ws, run)
    assert (found.outcome, found.cause_names) == ("differs", ["unknown"])


def test_an_older_engine_is_said_and_compared_by_convention(own, run, monkeypatch):
    sql(own, "UPDATE backtest_jobs SET engine_version = '1' WHERE id = :id", id=run.job.id)
    edit_json(own, "backtest_jobs", "spec", run.job.id, lambda spec: spec.update(engine_version="1"))
    same = again(own, run)
    assert same.outcome == "verified"
    assert same.notes[0].startswith("made by engine 1, run again by engine")

    make = verifying.simulation_of

    def rounded(strategy, bars, options):
        found = make(strategy, bars, options)
        found.equity[:] = np.round(found.equity, 6)
        return found

    with monkeypatch.context() as changed:
        changed.setattr(verifying, "simulation_of", rounded)
        near = again(own, run)
    assert (near.outcome, near.causes) == ("agrees", ())
    assert near.is_verified
    assert near.differences[0].startswith("equity from bar")

    def other(strategy, bars, options):
        return make(strategy, bars, options.model_copy(update={"delay": 1}))

    monkeypatch.setattr(verifying, "simulation_of", other)
    far = again(own, run)
    assert (far.outcome, far.cause_names) == ("differs", ["engine"])


def test_a_stored_result_that_was_edited_is_named_as_the_record(own, run):
    sharpe = run.metrics["sharpe_ratio"]
    sql(own, "UPDATE trades SET pnl = pnl + 1 WHERE id = (SELECT MIN(id) FROM trades)")
    assert again(own, run).cause_names == ["record"]
    sql(own, "UPDATE trades SET pnl = pnl - 1 WHERE id = (SELECT MIN(id) FROM trades)")
    sql(own, "UPDATE backtest_metrics SET sharpe_ratio = 9.9")
    found = again(own, run)
    assert (found.outcome, found.cause_names) == ("differs", ["record"])
    assert found.differences == (f"metrics: sharpe_ratio was 9.9, is {sharpe}",)


class Waits(rk.Strategy):
    """Makes orders of which most are never filled."""

    below: float = rk.Param(0.99)

    def on_bar(self, ctx):
        ctx.cancel()
        if not ctx.position:
            ctx.buy(limit=self.below * ctx["close"], take_profit=1.01 * ctx["close"], label="dip")


def test_an_event_strategys_orders_are_compared_too(ws):
    run = ws.run(Waits, "walk", {"below": 0.5})
    assert len(run.trades) == 0
    assert again(ws, run).outcome == "verified"
    other = ws.run(Waits, "walk", {"below": 0.6})
    sql(ws, "UPDATE backtests SET orders_sha256 = :other WHERE id = :id", other=other.backtest.orders_sha256, id=run.id)
    found = again(ws, run)
    assert found.outcome == "differs"
    assert found.differences == ("the orders that were made, or rejected, are others",)


def test_a_run_from_before_the_hashes_is_compared_with_its_rows(own, run):
    sql(own, "UPDATE backtests SET trades_sha256 = NULL, orders_sha256 = NULL")
    assert again(own, run).outcome == "verified"
    sql(own, "UPDATE trades SET exit_price = exit_price * 2 WHERE id = (SELECT MIN(id) FROM trades)")
    assert again(own, run).outcome == "differs"


class Breaks(rk.Strategy):
    """Raises when it is told to."""

    def signals(self, bars):
        if hasattr(sys, "ps9"):
            raise RuntimeError("<b>no luck</b>")
        return rk.Signals.target(bars.close > 0)


def test_a_strategy_that_raises_now_could_not_be_run_again(ws, monkeypatch):
    run = ws.run(Breaks, "walk")
    monkeypatch.setattr(sys, "ps9", "...", raising=False)
    found = again(ws, run)
    assert (found.outcome, found.cause_names) == ("failed", ["code"])
    assert "RuntimeError: <b>no luck</b>" in repr(found)
    assert "&lt;b&gt;no luck" in found._repr_html_()


def test_a_source_in_a_shared_database_is_not_run_unasked(own, run, monkeypatch):
    (own.folder / "strategies" / "rule.py").unlink()
    monkeypatch.setattr("research_kit.runs.trust.stored_source.is_trusted", lambda run: False)
    with rk.open_workspace(own.folder, own.database.url) as fresh:
        found = fresh.load_run(run.id).verify()
        assert found.outcome == "untrusted"
        assert "trust=True" in found.summary
        assert list_verdicts(fresh.database, "verify") == []
        assert fresh.load_run(run.id).verify(trust=True).outcome == "verified"


def test_a_run_without_a_specification_cannot_be_verified(own, run):
    edit_json(own, "backtest_jobs", "spec", run.job.id, lambda spec: spec.pop("options"))
    with pytest.raises(StoreError, match="options is missing"):
        again(own, run)


def test_the_hash_is_the_same_for_the_rows_and_for_the_result(own):
    run = own.run("buy_and_hold", "walk", close_at_end=False)
    pure = verifying.trade_columns(
        rk.run_backtest(run.bars, rk.strategies.BuyAndHold(), close_at_end=False).trade_columns
    )
    stored = verifying.trade_columns(own.load_run(run.id).trade_columns)
    assert np.isnat(stored["exit_time"][-1])
    assert verifying.trades_sha256(pure) == verifying.trades_sha256(stored) == run.backtest.trades_sha256


def test_a_verification_says_itself_in_words():
    found = Verification(3, "rule on walk", "verified", notes=("versions have changed since: numpy 1.0 to 2.0",))
    assert repr(found) == (
        "Run 3 (rule on walk) verified: orders, trades and equity are the same, byte for byte "
        "(versions have changed since: numpy 1.0 to 2.0)."
    )
