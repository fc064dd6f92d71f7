"""The commands that look after the database: check, upgrade, copy."""

import io
import json

import pytest
from legacy_backend import GOOD, ODD, ONLY_SQLITE, assert_same_rows, backend_rows, make_backend

import research_kit as rk
from research_kit.errors import SchemaVersionError


@pytest.fixture
def kit(run_command):
    """Return a function that runs research-kit in this process: exit code, output, errors."""
    return run_command


@pytest.fixture
def legacy(tmp_path):
    """Return the URL of a database of the backend service, in the place of a workspace's own."""
    (tmp_path / "ws").mkdir()
    url = f"sqlite:///{tmp_path / 'ws' / 'research.db'}"
    make_backend(url, GOOD, ODD, ONLY_SQLITE)
    return url


def test_check_of_a_backends_database_changes_nothing(kit, legacy, tmp_path):
    content = (tmp_path / "ws" / "research.db").read_bytes()
    code, out, err = kit("db", "check")
    assert (code, err) == (1, "")
    assert "`research-kit db upgrade` adopts it" in out
    assert "backtest_jobs.progress is not between 0 and 1: 2 rows (row 4: 1.7" in out
    assert len(json.loads(kit("db", "check", "--json")[1])) == len(out.splitlines())
    assert (tmp_path / "ws" / "research.db").read_bytes() == content
    assert [path.name for path in (tmp_path / "ws").iterdir()] == ["research.db"]


def test_other_commands_say_in_one_sentence_what_to_do(kit, legacy):
    code, out, err = kit("jobs")
    assert (code, out) == (1, "")
    assert err.startswith("research-kit: The database was made by the backend service and was left as it is")
    assert len(err.splitlines()) == 1


def test_upgrade_adopts_it_and_prints_the_backup(kit, legacy):
    before = backend_rows(legacy)
    code, out, err = kit("db", "upgrade")
    assert (code, err) == (0, "")
    [backup] = [line.removeprefix("backup ") for line in out.splitlines() if line.startswith("backup ")]
    assert backend_rows(f"sqlite:///{backup}") == before
    assert "adopted the backend's tables; " in out
    assert "  datasets lacks 1 row that others need: 42 (backtests 2 names it, but it was not there)." in out
    assert out.splitlines()[-1].endswith("is at the newest schema")
    assert kit("db", "check")[1] == "nothing is wrong\n"
    assert len(kit("db", "upgrade")[1].splitlines()) == 1
    listed = json.loads(kit("jobs", "--json")[1])
    assert {row["id"] for row in listed} >= set(before["backtest_jobs"])


def test_downgrade_asks_and_gives_the_backends_database_back(kit, legacy, monkeypatch):
    before = backend_rows(legacy)
    kit("db", "upgrade")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, out, err = kit("db", "downgrade")
    assert code == 1
    assert "goes back to the backend's tables; left out: " in out
    assert kit("db", "check")[1] == "nothing is wrong\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, out, err = kit("db", "downgrade")
    assert (code, err) == (0, "")
    backup = out.partition("backup ")[2].splitlines()[0]  # behind the question, on its line
    assert_same_rows(before, backend_rows(legacy))
    assert kit("jobs")[2].startswith("research-kit: The database was made by the backend service")
    listed = json.loads(kit("--database", backup, "jobs", "--json")[1])
    assert {row["id"] for row in listed} >= set(before["backtest_jobs"])
    assert kit("db", "upgrade")[0] == 0
    assert kit("db", "check")[1] == "nothing is wrong\n"


def test_downgrade_without_an_answer_changes_nothing(kit, legacy, monkeypatch):
    kit("db", "upgrade")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert kit("db", "downgrade")[0] == 1
    assert kit("db", "check")[1] == "nothing is wrong\n"


def test_downgrade_of_what_was_not_adopted_is_refused(kit):
    kit("db", "upgrade")
    code, out, err = kit("db", "downgrade", "--yes")
    assert (code, out) == (1, "")
    assert err == (
        "research-kit: This database was not made by the backend service, so there is no older shape to give back; "
        "nothing was changed.\n"
    )


def test_downgrade_of_what_the_backend_has_is_refused(kit, legacy):
    code, out, err = kit("db", "downgrade", "--yes")
    assert (code, out) == (1, "")
    assert "The database was made by the backend service" in err


@pytest.mark.postgres
def test_downgrade_of_a_teams_database_says_how_to_back_it_up(kit, postgres):
    url = postgres.empty()
    make_backend(url, GOOD, ODD)
    before = backend_rows(url)
    kit("--database", url, "db", "upgrade")
    code, out, _ = kit("--database", url, "db", "downgrade", "--yes")
    assert (code, "pg_dump -Fc -f FILE" in out) == (0, True)
    assert_same_rows(before, backend_rows(url))


def test_a_workspace_opens_on_it_once_it_is_adopted(kit, legacy, tmp_path):
    with pytest.raises(SchemaVersionError, match="`research-kit db upgrade` adopts it"):
        rk.open_workspace(tmp_path / "ws")
    kit("db", "upgrade")
    with rk.open_workspace(tmp_path / "ws") as ws:
        assert {1, 2, 5, 6, 42} == set(ws.datasets()["id"])
        assert {1, 2, 3, 20} <= set(ws.backtests()["id"])
        assert {1, 4, 77, 99} <= set(ws.jobs()["id"])
        assert "app.sma.Cross" in set(ws.strategies()["name"])
        assert ws.dataset("SPY").id == 2
        dashboard = rk.widgets.Dashboard(ws)
        assert dashboard.state == "ready"
        assert "SPY" in str(dashboard.datasets.list.options)
        for dataset in ws.datasets()["id"]:
            dashboard.datasets.value = dataset
            assert ws.versions(int(dataset))["id"].tolist()
        dashboard.close()


def test_check_of_a_workspace_that_is_not_there(kit, tmp_path):
    code, out, _ = kit("db", "check")
    assert (code, "There is no database at" in out) == (1, True)
    assert not (tmp_path / "ws").exists()


def test_upgrade_makes_what_is_not_there(kit):
    assert kit("db", "upgrade")[1].endswith("is at the newest schema\n")
    assert kit("db", "check")[0] == 0


def test_copy_prints_rows_and_hash_of_each_table(kit, make_bars, tmp_path):
    make_bars(50).frame.to_csv(tmp_path / "walk.csv")
    kit("import", str(tmp_path / "walk.csv"), "--symbol", "WALK")
    code, out, err = kit("db", "copy", str(tmp_path / "copy.db"))
    assert (code, err) == (0, "")
    [line] = [line.split() for line in out.splitlines() if line.startswith("datasets")]
    assert line[1:3] == ["1", "rows"]
    assert out.splitlines()[-1].endswith("rows are the same there and here")
    code, out, err = kit("db", "copy", str(tmp_path / "copy.db"))
    assert (code, out) == (1, "")
    assert "is not empty (datasets)" in err
    again = json.loads(kit("db", "copy", str(tmp_path / "second.db"), "--json")[1])
    assert [row["sha256"][:16] for row in again if row["table"] == "datasets"] == [line[3]]


@pytest.mark.postgres
def test_copy_to_a_teams_database(kit, legacy, postgres):
    kit("db", "upgrade")
    url = postgres.empty()
    code, out, _ = kit("db", "copy", url)
    assert code == 0
    assert "legacy_values" in out
    listed = json.loads(kit("--database", url, "jobs", "--json")[1])
    assert [row["id"] for row in listed] == [row["id"] for row in json.loads(kit("jobs", "--json")[1])]
