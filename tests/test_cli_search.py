"""Searches in a terminal: what sweep, walk-forward, sweeps and trials print, how they fail, and their exit codes."""

import json
import re

import pytest

import research_kit as rk

DAY = 86_400_000_000_000
SWEEP = """
strategy: sma_cross
dataset: walk
grid:
  fast: {low: 5, high: 15, step: 5}
  slow: [10, 20]
objective: total_return
options: {commission: 0.002}
"""


@pytest.fixture
def kit(tmp_path, make_bars, monkeypatch, run_command):
    """Return a function that runs research-kit in this process, on a workspace with the dataset 'walk': 300 days."""
    with rk.open_workspace(tmp_path / "ws") as ws:
        ws.import_dataset(make_bars(300, sigma=0.01, step_ns=DAY).frame, name="walk", symbol="WALK")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, spec=None):
        if spec is not None:
            (tmp_path / "search.yml").write_text(spec, encoding="utf-8")
        return run_command(*arguments)

    return run


@pytest.fixture
def opened(tmp_path):
    """Return a function that opens the workspace that the commands work on."""
    return lambda: rk.open_workspace(tmp_path / "ws")


def test_a_sweep_is_run_recorded_and_its_best_are_shown(kit, opened):
    done = kit("sweep", "search.yml", "--top", "2", spec=SWEEP)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "sweep 1: sma_cross on walk, 4 sets, completed"
    assert lines[1].startswith("2 sets were not taken by the strategy; the first: sma_cross: fast must be below slow")
    assert lines[2].split()[:3] == ["fast", "slow", "total_return"]
    assert len(lines) == 6
    assert lines[-1] == "trials on this dataset so far: 4"
    with opened() as ws:
        best = ws.load_sweep(1).best
        by_hand = rk.run_sweep(
            *(ws.bars("walk"), rk.strategies.SmaCross, {"fast": [5, 10, 15], "slow": [10, 20]}),
            objective="total_return",
            commission=0.002,
        )
    assert best.parameters == by_hand.best.parameters
    assert [float(word) for word in lines[3].split()[:3]] == [*best.parameters.values(), float(f"{best.value:.4g}")]


def test_a_sweep_as_json(kit, opened):
    found = json.loads(kit("sweep", "search.yml", "--json", "--top", "3", spec=SWEEP).stdout)
    assert {name: found[name] for name in ("id", "status", "sets", "failed", "refused", "trials_on_dataset")} == {
        "id": 1,
        "status": "completed",
        "sets": 4,
        "failed": 0,
        "refused": 2,
        "trials_on_dataset": 4,
    }
    with opened() as ws:
        sweep = ws.load_sweep(1)
    assert found["best"]["parameters"] == sweep.best.parameters
    assert found["best"]["metrics"] == sweep.best.metrics
    assert found["best"]["plateau"] == sweep.best.plateau
    assert len(found["top"]) == 3
    assert found["top"][0]["total_return"] == sweep.best.value


def test_the_same_sweep_again_is_the_same_sweep(kit):
    first = kit("sweep", "search.yml", spec=SWEEP)
    assert kit("sweep", "search.yml").stdout == first.stdout
    assert len(json.loads(kit("sweeps", "--json").stdout)) == 1


def test_a_dataset_by_its_id_and_a_specification_in_json(kit, tmp_path):
    asked = {"strategy": "buy_and_hold", "dataset": 1, "grid": {}}
    (tmp_path / "search.json").write_text(json.dumps(asked))
    assert kit("sweep", "search.json").stdout.startswith("sweep 1: buy_and_hold on 1, 1 sets, completed")


def test_failed_sets_are_told_with_the_first_reason(kit, opened):
    with opened() as ws:
        (ws.folder / "strategies" / "mine.py").write_text(
            "import research_kit as rk\n\nclass Mine(rk.Strategy):\n    '''Fails.'''\n    at: int = 1\n\n"
            "    def signals(self, bars):\n        raise RuntimeError(f'no luck with {self.at}')\n"
        )
    spec = "strategy: mine\ndataset: walk\ngrid: {at: [1, 2]}\n"
    done = kit("sweep", "search.yml", spec=spec)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "sweep 1: mine on walk, 2 sets, completed",
        "2 sets failed; the first: RuntimeError: no luck with 1",
        "trials on this dataset so far: 2",
    ]
    found = json.loads(kit("sweep", "search.yml", "--json").stdout)
    assert (found["best"], found["failed"], found["top"]) == (None, 2, [])
    walked = kit("walk-forward", "search.yml", spec=spec + "train: 100\ntest: 50\n")
    assert (walked.returncode, walked.stdout) == (1, "")
    assert "In the training from 2024-01-01T00:00 no set can be chosen" in walked.stderr


def test_a_walk_forward_is_run_recorded_and_shown(kit, opened):
    spec = SWEEP.replace("slow: [10, 20]", "slow: [20]") + "train: 100\ntest: 60d\n"
    done = kit("walk-forward", "search.yml", spec=spec)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("WalkForward(sma_cross, 4 folds, out of sample Total return ")
    assert lines[1].split()[:4] == ["train_start", "train_end", "test_start", "test_end"]
    assert [line.split()[0] for line in lines[2:6]] == ["2024-01-01", "2024-03-01", "2024-04-30", "2024-06-29"]
    with opened() as ws:
        how = {"train": 100, "test": "60d", "objective": "total_return", "commission": 0.002}
        walked = rk.run_walk_forward(
            ws.bars("walk"), rk.strategies.SmaCross, {"fast": [5, 10, 15], "slow": [20]}, **how
        )
        assert len(ws.trials()) == 12
    assert lines[0] == repr(walked)
    assert any(line.split()[:2] == ["Sharpe", "ratio"] for line in lines[6:])
    found = json.loads(kit("walk-forward", "search.yml", "--json").stdout)
    assert found["metrics"] == dict(walked.metrics)
    assert (found["efficiency"], found["stability"]) == (walked.efficiency, walked.stability)
    assert [fold["fast"] for fold in found["folds"]] == walked.table["fast"].tolist()


def test_sweeps_and_trials_are_listed(kit):
    assert kit("sweeps").stdout == kit("trials").stdout == "none yet\n"
    assert json.loads(kit("trials", "--json").stdout) == []
    kit("sweep", "search.yml", spec=SWEEP)
    kit("walk-forward", "search.yml", spec=SWEEP + "train: 150\ntest: 100\n")
    kit("run", "buy_and_hold", "walk")
    rows = json.loads(kit("sweeps", "--json").stdout)
    assert [(row["id"], row["kind"], row["status"], row["total_sets"]) for row in rows] == [
        (2, "walk_forward", "completed", 8),
        (1, "sweep", "completed", 4),
    ]
    table = kit("sweeps").stdout.splitlines()
    assert len(table) == 3
    assert table[0].split()[:4] == ["id", "dataset", "strategy_name", "kind"]
    trials = json.loads(kit("trials", "--json").stdout)
    assert [trial["kind"] for trial in trials] == ["run"] + ["walk_forward"] * 8 + ["sweep"] * 4
    assert trials[-1]["parameters"] == {"fast": 5, "slow": 10, "short": False}
    assert len(kit("trials").stdout.splitlines()) == 14


def test_trials_of_one_dataset_and_of_one_strategy(kit, opened, make_bars):
    with opened() as ws:
        ws.import_dataset(make_bars(200, seed=3, sigma=0.01, step_ns=DAY).frame, name="other", symbol="OTHER")
    kit("sweep", "search.yml", spec=SWEEP)
    kit("run", "buy_and_hold", "walk")
    kit("run", "buy_and_hold", "other")

    def count(*arguments):
        return len(json.loads(kit("trials", "--json", *arguments).stdout))

    assert count() == 6
    assert count("--dataset", "walk") == count("--dataset", "1") == 5
    assert count("--dataset", "other") == 1
    assert count("--strategy", "buy_and_hold") == 2
    assert count("--strategy", "buy_and_hold", "--dataset", "walk") == 1
    assert count("--strategy", "nothing") == 0


@pytest.mark.parametrize("command", ["sweep", "walk-forward"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("sma_cross", "sma_cros"), "Did you mean 'sma_cross'?"),
        (("sma_cross", "'os:system'"), "may not be loaded"),
        (("dataset: walk", "dataset: wolk"), "Did you mean 'walk'?"),
        (("dataset: walk", "dataset: 77"), "77"),
        (("fast:", "fats:"), "Did you mean 'fast'?"),
        (("[10, 20]", "[]"), "'slow' has no values to be searched"),
        (("high: 15", "hihg: 15"), "Did you mean 'high'?"),
        (("grid:", "gird:"), "Did you mean 'grid'?"),
        (("total_return", "total_retrun"), "Did you mean 'total_return'?"),
        (("commission", "comission"), "Did you mean 'commission'?"),
        (("0.002", "-1"), "Input should be greater than or equal to 0"),
        (("0.002}", "0.002"), "is neither YAML nor JSON"),
        (("{low: 5, high: 15, step: 5}", "[300, 400]"), "sma_cross takes none of 4 sets"),
    ],
)
def test_what_is_wrong_in_a_specification_is_one_sentence_and_exit_code_1(kit, opened, command, change, words):
    spec = SWEEP.replace(*change) + ("train: 100\ntest: 50\n" if command == "walk-forward" else "")
    done = kit(command, "search.yml", spec=spec)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("research-kit: ")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    with opened() as ws:
        assert ws.trials().empty


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep", "missing.yml"), "There is no file 'missing.yml'."),
        (("walk-forward", "missing.yml"), "There is no file 'missing.yml'."),
        (("sweep", "."), "cannot be read"),
        (("walk-forward", "search.yml"), "does not say train; it needs strategy, dataset, grid, train, test."),
        (("trials", "--dataset", "wolk"), "Did you mean 'walk'?"),
    ],
)
def test_other_failures_are_one_sentence_too(kit, arguments, words):
    done = kit(*arguments, spec=SWEEP)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_wrong_usage_is_exit_code_2(kit):
    for arguments in (
        ("sweep",),
        ("walk-forward",),
        ("sweep", "a", "b"),
        ("sweep", "a", "--top", "0"),
        ("trials", "x"),
    ):
        done = kit(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sweep", ["Run every parameter set of a specification", "SPEC", "--top", "--json"]),
        ("walk-forward", ["Choose parameters in each training and trade them in the test that follows", "--json"]),
        ("sweeps", ["List the sweeps and walk-forwards", "--json"]),
        ("trials", ["List everything that was ever tried", "--dataset", "--strategy", "--json"]),
    ],
)
def test_help_says_what_a_command_does(kit, command, words):
    done = kit(command, "--help")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert done.returncode == 0
    for word in words:
        assert word.lower() in plain.lower()
    listed = re.sub(r"\x1b\[[0-9;]*m", "", kit("--help").stdout)
    assert re.search(rf"\b{command}\b", listed)


def test_a_sweep_says_how_much_of_its_best_is_luck_when_asked(kit, opened):
    done = kit("sweep", "search.yml", "--overfitting", spec=SWEEP)
    assert (done.returncode, done.stderr) == (0, "")
    with opened() as ws:
        judged = ws.load_sweep(1).overfitting()
    assert str(judged.headline) in done.stdout
    assert judged.verdict in done.stdout
    assert all(one.title in done.stdout and one.shown in done.stdout for one in judged.statistics.values())
    told = json.loads(kit("sweep", "search.yml", "--overfitting", "--json", spec=SWEEP).stdout)
    assert told["overfitting"]["deflated"] == judged.deflated
    assert "overfitting" not in json.loads(kit("sweep", "search.yml", "--json", spec=SWEEP).stdout)
