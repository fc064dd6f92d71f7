"""Verdicts as rows: kept as they were found, the newest first, and still there when their run is gone."""

import pytest
import sqlalchemy as sa

from research_kit.errors import StoreError
from research_kit.store import schema
from research_kit.store.database import Database
from research_kit.store.jobs import claim_job, complete_job, create_job
from research_kit.store.listings import verdicts_table
from research_kit.store.verdicts import NewVerdict, find_verdict, list_verdicts, record_verdict


def new_verdict(**more):
    values = {"kind": "lookahead", "source_sha256": "b" * 64, "dataset_sha256": "a" * 64, "engine_version": "2"}
    return NewVerdict(**(values | {"outcome": "passed", "summary": "No signal changed."} | more))


def test_what_was_recorded_is_found_newest_first(database):
    details = {"bars": 2_088, "value": float("nan"), "columns": ["enter_long"]}
    first = record_verdict(database, new_verdict(parameters={"fast": 10}, details=details, strategy_name="sma_cross"))
    second = record_verdict(database, new_verdict(parameters={"fast": 20}, outcome="failed"))
    record_verdict(database, new_verdict(kind="verify", outcome="same", spec_hash="c" * 64))
    here = {"source_sha256": "b" * 64, "dataset_sha256": "a" * 64}
    assert find_verdict(database, "lookahead", **here).id == second
    found = find_verdict(database, "lookahead", **here, parameters={"fast": 10})
    assert (found.id, found.outcome, found.strategy_name) == (first, "passed", "sma_cross")
    assert found.details == details | {"value": None}
    assert found.created_at.utcoffset() is not None
    assert find_verdict(database, "lookahead", **here, parameters={"fast": 30}) is None
    assert find_verdict(database, "lookahead", source_sha256="x") is None
    assert find_verdict(database, "verify", spec_hash="c" * 64).outcome == "same"
    assert [row.id for row in list_verdicts(database, "lookahead", **here)] == [second, first]


def test_the_list_is_a_table(database):
    for i in range(3):
        record_verdict(database, new_verdict(kind=("lookahead", "verify")[i % 2], outcome=str(i)))
    table = verdicts_table(database)
    assert table["outcome"].tolist() == ["2", "1", "0"]
    assert str(table["created_at"].dtype) == "datetime64[us, UTC]"
    assert verdicts_table(database, kind="verify")["outcome"].tolist() == ["1"]
    assert verdicts_table(database, 1, before=3)["outcome"].tolist() == ["1"]


def test_a_verdict_outlives_its_run(database, make):
    job = create_job(database, make.job())
    run = complete_job(database, job, claim_job(database, job, "me"), make.outcome())
    verdict = record_verdict(database, new_verdict(kind="verify", backtest_id=run))
    assert find_verdict(database, "verify", backtest_id=run).id == verdict
    with database.write() as session:
        session.execute(sa.text(f"DELETE FROM backtests WHERE id = {run}"))
    assert find_verdict(database, "verify", source_sha256="b" * 64).backtest_id is None


def test_words_that_are_unknown_are_refused(database):
    with pytest.raises(StoreError, match="kind='lookahaed'"):
        new_verdict(kind="lookahaed")
    with pytest.raises(StoreError, match="Did you mean 'lookahead'"):
        find_verdict(database, "lookahaed")
    with pytest.raises(StoreError, match="Did you mean 'backtest_id'"):
        find_verdict(database, "verify", backtest=1)
    with pytest.raises(StoreError, match="refused a row"):
        record_verdict(database, new_verdict(backtest_id=7))


def test_the_fourth_schema_gets_the_table_and_can_lose_it_again(own_database):
    record_verdict(own_database, new_verdict())
    engine = sa.create_engine(own_database.url)
    with engine.begin() as connection:
        schema.downgrade(connection, "0004")
        assert "verdicts" not in sa.inspect(connection).get_table_names()
    engine.dispose()
    with Database.open(own_database.url) as database:
        assert database.check() == []
        assert list_verdicts(database, "lookahead") == []
