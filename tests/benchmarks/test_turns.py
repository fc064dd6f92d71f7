"""Engines take turns, only those that did the same work are timed, and what is missing says so in one line."""

import pytest


@pytest.fixture
def engines(script):
    competitor = script("environments").Competitor
    return [competitor("research_kit", ""), competitor("a", ""), competitor("b", "")]


def take_turns(script, engines, run, check=lambda engine, record: None, **options):
    sheet = script("sheet").Sheet()
    script("turns").take_turns(sheet, "case", engines, run, check, **{"repeats": 2} | options)
    return sheet


def counted(sheet):
    return {row.engine: len(row.runs) for row in sheet.rows}


def test_engines_take_turns_after_a_round_that_is_not_counted(script, engines):
    order = []

    def run(engine, turn):
        order.append((engine.name, turn))
        return {"wall_s": 1.0}

    sheet = take_turns(script, engines, run)
    names = [engine.name for engine in engines]
    assert order == [(name, turn) for turn in (0, 1, 2) for name in names]
    assert counted(sheet) == dict.fromkeys(names, 2)
    order.clear()
    assert counted(take_turns(script, engines, run, keep_first=True)) == dict.fromkeys(names, 2)
    assert [turn for _, turn in order] == [0, 0, 0, 1, 1, 1]


def test_other_work_is_a_fault_and_is_never_timed(script, engines):
    error = script("equality").UnequalWorkError

    def check(engine, record):
        if engine.name == "a":
            raise error("1 trade against 2")

    sheet = take_turns(script, engines, lambda engine, turn: {}, check)
    assert counted(sheet) == {"research_kit": 2, "b": 2}
    assert sheet.absent == {"a, case": "other work: 1 trade against 2"}
    assert sheet.faults == ["a, case: other work: 1 trade against 2"]


@pytest.mark.parametrize(
    ("name", "kind", "is_fault"),
    [
        ("research_kit", "RunError", True),
        ("research_kit", "MissingError", False),
        ("a", "RunError", False),
    ],
)
def test_a_failure_leaves_the_others_and_is_a_fault_where_it_is_ours(script, engines, name, kind, is_fault):
    error = getattr(script("processes"), kind)

    def run(engine, turn):
        if engine.name == name:
            raise error("not there yet")
        return {}

    sheet = take_turns(script, engines, run)
    assert counted(sheet) == {engine.name: 2 for engine in engines if engine.name != name}
    assert f"\n**{name}, case** is missing: not there yet\n" == sheet.missing()
    assert bool(sheet.faults) is is_fault


def test_a_run_that_fails_later_leaves_those_before_it(script, engines):
    def run(engine, turn):
        if (engine.name, turn) == ("b", 2):
            raise script("processes").RunError("killed")
        return {}

    sheet = take_turns(script, engines, run)
    assert counted(sheet) == {"research_kit": 2, "a": 2, "b": 1}
    assert sheet.absent == {"b, case": "killed"}


def test_a_peer_that_cannot_be_installed_is_named(script, monkeypatch):
    environments, sheet = script("environments"), script("sheet").Sheet()
    broken = environments.Environment("broken", "no-such-package==1")
    peers = [environments.Competitor("ours", ""), environments.Competitor("theirs", "", broken)]
    monkeypatch.setattr(environments, "make", lambda environment: "no such package" * bool(environment.requirement))
    assert environments.available(peers, sheet) == peers[:1]
    assert sheet.absent == {"theirs": "no such package"}
    assert not sheet.faults


def test_a_process_says_what_failed_and_what_is_missing(script):
    processes, competitor = script("processes"), script("environments").Competitor
    with pytest.raises(processes.RunError, match="No module named nothing"):
        processes.run_module(competitor("a", "nothing"))
    with pytest.raises(processes.MissingError, match="pandas does not write"):
        processes.run_module(competitor("a", "trades.ours", engine="pandas"), "write", "sqlite:///a", "sqlite:///b", 1)


def test_memory_of_a_process_and_its_children_is_over_what_they_had_at_the_start(script):
    growth = script("processes")._growth
    assert growth([(1.0, 50.0), (2.0, 60.0), (3.0, 90.0), (4.0, 70.0)], began_at=2.5) == 30.0
    assert growth([(1.0, 50.0)], began_at=2.5) is None
    assert growth([], began_at=0.0) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--quick"], {"sizes": ("10k", "100k"), "rows": 100_000, "trades": 10_000, "grids": ("100",), "repeats": 2}),
        ([], {"sizes": ("10k", "100k", "1M", "5M"), "rows": 5_000_000, "trades": 1_000_000, "grids": ("1k", "10k")}),
        (["--workloads", "W3,W8", "--sizes", "5M"], {"workloads": ["W3", "W8"], "sizes": ["5M"], "repeats": 3}),
    ],
)
def test_command_line(script, arguments, expected):
    options = script("run").parse_options(arguments)
    assert {name: getattr(options, name) for name in expected} == expected


def test_command_line_refuses_what_it_does_not_know(script, capsys):
    with pytest.raises(SystemExit):
        script("run").parse_options(["--workloads", "W99"])
    assert "invalid name value: 'W99'" in capsys.readouterr().err


def test_peers_are_chosen_by_name_or_environment(script, options):
    peers = script("trades.compare").PEERS
    chosen = options("--peers", "connectorx,pandas.to_sql").chosen(peers)
    assert [peer.name for peer in chosen] == ["pandas.to_sql", "connectorx", "polars"]
    assert len(options().chosen(peers)) == len(peers)
