"""Reports in a terminal: of a run, of two, of a sweep, of a walk-forward, of a batch; wrong usage is exit code 2."""

import pytest

import research_kit as rk

DAY = 86_400_000_000_000
SPEC = """
strategy: sma_cross
dataset: walk
grid: {fast: [3, 5], slow: [10, 20]}
"""


@pytest.fixture
def kit(tmp_path, make_bars, monkeypatch, run_command):
    """Return a function that runs research-kit in this process, on a workspace with two runs and a sweep."""
    with rk.open_workspace(tmp_path / "ws") as ws:
        ws.import_dataset(make_bars(300, sigma=0.01, step_ns=DAY).frame, name="walk", symbol="WALK")
        for slow in (10, 20):
            ws.run("sma_cross", "walk", {"fast": 3, "slow": slow})
        ws.sweep("sma_cross", "walk", {"fast": [3, 5], "slow": [10, 20]}, progress=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "search.yml").write_text(SPEC)

    return run_command


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["1", "--sweep", "1"],
        ["--sweep", "1", "--batch", "b"],
        ["1", "--pdf", "-f", "x.html"],
        ["1", "--paper", "A3"],
    ],
)
def test_wrong_usage_writes_nothing(kit, tmp_path, arguments):
    done = kit("report", *arguments)
    assert done.returncode == 2
    assert list((tmp_path / "ws" / "reports").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"), [(["99"], "99"), (["--sweep", "9"], "9"), (["--batch", "no"], "no batch 'no'")]
)
def test_what_is_not_there_is_one_sentence(kit, arguments, words):
    done = kit("report", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_two_runs_are_compared_and_a_sweep_has_its_report(kit, tmp_path):
    reports = tmp_path / "ws" / "reports"
    assert kit("report", "1", "2").stdout.strip() == str(reports / "run-1-and-run-2.html")
    assert "Comparison of run 1 and run 2" in (reports / "run-1-and-run-2.html").read_text("utf-8")
    assert kit("report", "--sweep", "1").stdout.strip() == str(reports / "sweep-1.html")
    assert "How much of it is luck" in (reports / "sweep-1.html").read_text("utf-8")


@pytest.mark.slow
def test_searches_write_their_reports_as_they_end(kit, tmp_path):
    done = kit("sweep", "search.yml", "--report", "sweep.html")
    assert done.stdout.splitlines()[-1] == str(tmp_path / "sweep.html")
    (tmp_path / "search.yml").write_text(SPEC + "train: 120\ntest: 50\n")
    done = kit("walk-forward", "search.yml", "--report", "walk.html")
    assert done.stdout.splitlines()[-1] == str(tmp_path / "walk.html")
    assert "Parameters over time" in (tmp_path / "walk.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.usefixtures("browser")
def test_pdf_prints_beside_the_reports(kit, tmp_path):
    done = kit("report", "1", "--pdf", "--paper", "letter")
    path = tmp_path / "ws" / "reports" / "run-1.pdf"
    assert done.stdout.strip() == str(path)
    assert path.read_bytes().startswith(b"%PDF")
