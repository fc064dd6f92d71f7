"""The verdict on a run follows from its evidence: each piece can tip it, and each that is missing is said."""

from dataclasses import replace

import numpy as np
import pytest

import research_kit as rk
from research_kit.errors import NotFoundError
from research_kit.metrics.inference.headline import headline
from research_kit.runs.trust.belief import Belief, Evidence, of_luck
from research_kit.runs.trust.believing import positions_of
from research_kit.store.verdicts import NewVerdict, record_verdict

GOOD = np.random.default_rng(1).normal(0.002, 0.01, 2_500)
NOISE = np.random.default_rng(2).normal(0.0, 0.01, 2_500)
NOISE -= NOISE.mean()


def evidence(weight, name="x"):
    return Evidence(name, name.title(), weight, "7", f"{name} is so.", f"Do {name}.")


def belief(*weights):
    shown = headline(GOOD, periods_per_year=252, trials=1)
    return Belief("a run", shown, tuple(evidence(weight, f"n{at}") for at, weight in enumerate(weights)))


@pytest.mark.parametrize(
    ("weights", "verdict"),
    [
        (("for", "for"), "believable"),
        (("for", "unknown"), "open"),
        (("unknown", "doubt", "for"), "doubtful"),
        (("doubt", "against", "unknown"), "not believable"),
        ((), "believable"),
    ],
)
def test_the_gravest_evidence_decides(weights, verdict):
    assert belief(*weights).verdict == verdict


def test_what_would_change_it_comes_gravest_first_and_only_for_what_speaks_against():
    assert belief("unknown", "for", "against", "doubt").changes == ("Do n2.", "Do n3.", "Do n0.")


def test_the_sentence_names_two_reasons_and_counts_the_rest():
    assert belief("doubt").sentence == "Doubtful: n0 is so."
    assert belief("doubt", "doubt", "doubt", "doubt").sentence == "Doubtful: n0 is so; n1 is so; and 2 more."
    assert "nobody knows" in belief("for").sentence


def test_what_is_shown_is_escaped():
    unsafe = replace(belief("for"), evidence=(Evidence("a", "<b>", "doubt", "<i>", "<script>", "<u>"),))
    html = unsafe._repr_html_()
    assert not any(tag in html for tag in ("<b>a", "<script>", "<i>", "<u>"))
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("returns", "trials", "weights"),
    [
        (GOOD, 1, {"deflated": "for", "range": "for", "length": "for"}),
        (NOISE, 1_000, {"deflated": "against", "range": "doubt"}),
        (-GOOD, 1, {"deflated": "against", "range": "against", "length": "doubt"}),
        (GOOD[:400], 1, {"length": "for"}),
        (GOOD[:60], 10_000, {"length": "doubt"}),
        (np.zeros(100), 5, {"deflated": "doubt", "range": "doubt", "length": "doubt"}),
        (GOOD[:5], 5, {"range": "doubt"}),
    ],
)
def test_luck_is_weighed(returns, trials, weights):
    found = {one.name: one for one in of_luck(headline(returns, periods_per_year=252, trials=trials))}
    assert {name: found[name].weight for name in weights} == weights
    assert all(one.meaning and (one.weight == "for" or one.shown) for one in found.values())


def test_more_trials_never_make_it_more_believable():
    order = ["against", "doubt", "for"]
    ranks = []
    for trials in (1, 10, 1_000, 1_000_000):
        found = next(iter(of_luck(headline(GOOD[:700], periods_per_year=252, trials=trials))))
        ranks.append(order.index(found.weight))
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] > ranks[-1]


@pytest.fixture
def run(ws, make_bars):
    """A run of 600 days, with costs."""
    ws.import_dataset(make_bars(600, step_ns=86_400 * 10**9, sigma=0.01).frame, name="days", symbol="DAYS")
    return ws.run("momentum", "days", {"length": 5})


def test_a_run_that_nobody_looked_at_says_so(run):
    found = run.believe()
    assert {"lookahead", "verified", "holdout"} <= {one.name for one in found.evidence if one.weight == "unknown"}
    assert "1 trial on this data" in repr(found)
    assert list(found.table["title"]) == [one.title for one in found.evidence]
    assert found.to_dict()["verdict"] == found.verdict


def test_trials_made_later_change_what_a_run_is_worth(ws, run):
    before = run.headline
    ws.sweep("momentum", "days", {"length": list(range(1, 60))})
    after = run.headline
    assert (before.trials, after.trials) == (1, 59)
    assert before.effective == 1 < after.effective <= 59
    assert after.deflated < before.deflated
    assert run.metrics["trials"] == 59
    assert run.metrics["deflated_sharpe_ratio"] == pytest.approx(after.deflated, abs=1e-6)  # float32 returns


def test_the_metrics_of_a_run_end_with_what_they_are_worth(run):
    assert list(run.metrics.index) == [*run.summary, "trials", "deflated_sharpe_ratio"]


@pytest.mark.parametrize(
    ("kind", "outcome", "name", "weight"),
    [
        ("verify", "verified", "verified", "for"),
        ("verify", "agrees", "verified", "for"),
        ("verify", "differs", "verified", "against"),
        ("verify", "failed", "verified", "against"),
        ("verify", "untrusted", "verified", "unknown"),
    ],
)
def test_the_newest_verdict_counts(ws, run, kind, outcome, name, weight):
    for one in ("differs", outcome):
        record_verdict(
            ws.database,
            NewVerdict(
                kind=kind,
                source_sha256=run.spec["strategy_sha256"],
                dataset_sha256=run.job.dataset_sha256,
                outcome=one,
                summary="So it is.",
                engine_version="1",
                backtest_id=run.id,
            ),
        )
    assert run.believe()[name].weight == weight


def test_a_run_that_was_verified_says_so(run):
    run.verify()
    assert run.believe()["verified"].weight == "for"


@pytest.mark.parametrize(
    ("options", "name"), [({"commission": 0, "borrow_rate": 0.03}, "costs"), ({"fill": "same_close"}, "fills")]
)
def test_conventions_that_flatter_are_doubtful(ws, run, options, name):
    flattered = ws.run("momentum", "days", {"length": 5}, **options).believe()
    assert flattered[name].weight == "doubt"
    assert name not in {one.name for one in run.believe().evidence}


def test_a_holdout_that_was_seen_is_doubtful(ws, run):
    ws.lock_holdout("days", str(run.bars.time[400])[:10])
    assert run.believe()["holdout"].weight == "for"  # one run has seen it: this one
    ws.run("momentum", "days", {"length": 6})
    assert type(run).load(ws, run.id).believe()["holdout"].weight == "doubt"


def test_a_sign_that_hangs_on_the_convention_is_doubtful(ws, run):
    low, high = run.band().range.loc["total_return_percent", ["lowest", "highest"]]
    assert run.believe()["band"].weight == ("doubt" if low < 0 < high else "for")
    calm = ws.run("buy_and_hold", "days").believe()["band"]
    assert calm.weight == "for"
    assert " to " in calm.shown


def test_few_trades_are_doubtful(ws, run):
    assert ws.run("buy_and_hold", "days").believe()["trades"].weight == "doubt"
    assert run.believe()["trades"].weight == "for"


class Knows(rk.Strategy):
    """Is long on the days that will rise: a leak."""

    def signals(self, bars):
        rises = np.zeros(len(bars), dtype=bool)
        rises[:-2] = bars.close[2:] > bars.close[1:-1]
        return rk.Signals.target(rises)


def test_positions_that_know_the_returns_are_told_from_those_that_do_not(ws, run):
    assert run.believe()["timing"].weight == "doubt"
    knows = ws.run(Knows, "days", commission=0)
    assert knows.believe()["timing"].weight == "for"


def test_positions_are_those_between_the_closes(ws, run):
    held = positions_of(run)
    trade = run.trades.iloc[0]
    first = np.searchsorted(run.bars.time, trade["entry_time"].tz_localize(None).to_datetime64())
    last = np.searchsorted(run.bars.time, trade["exit_time"].tz_localize(None).to_datetime64())
    assert (held[:first] == 0).all()
    np.testing.assert_allclose(held[first:last], trade["quantity"])
    assert held.shape == (len(run.bars) - 1,)


def test_a_run_of_an_older_database_without_a_trial_says_so(ws, run):
    from sqlalchemy import text

    with ws.database.write() as session:
        session.execute(text("DELETE FROM trials"))
    with pytest.raises(NotFoundError, match="no daily returns on record"):
        _ = run.headline
    assert run.metrics["deflated_sharpe_ratio"] is None
