import subprocess
import sys
from typing import get_args

import pytest

from research_kit.errors import NotFoundError
from research_kit.metrics.entry import Group, Need, Unit
from research_kit.metrics.registry import COLUMNS, GROUPS, HEADLINE, METRICS, describe, format_value
from research_kit.metrics.summary import compute_metrics

SCHEMA = {
    "total_return": "money",
    "total_return_percent": "percent",
    "sharpe_ratio": "ratio",
    "sortino_ratio": "ratio",
    "max_drawdown": "money",
    "max_drawdown_percent": "percent",
    "total_trades": "count",
    "winning_trades": "count",
    "losing_trades": "count",
    "win_rate": "fraction",
    "profit_factor": "ratio",
    "largest_win": "money",
    "largest_loss": "money",
    "average_win": "money",
    "average_loss": "money",
    "average_holding_time": "minutes",
    "max_consecutive_wins": "count",
    "max_consecutive_losses": "count",
    "volatility": "fraction",
    "var_95": "fraction",
    "cvar_95": "fraction",
    "total_trading_days": "count",
    "profitable_days": "count",
    "daily_target_hit_rate": "fraction",
}
BESIDE = {
    *("cagr", "calmar_ratio", "expectancy", "payoff_ratio", "sqn", "exposure", "turnover", "total_commission"),
    *("recovery_time", "ulcer_index", "tail_ratio", "skew", "kurtosis", "max_drawdown_duration"),
    *("best_day", "worst_day", "best_month", "worst_month"),
    *("benchmark_return_percent", "alpha", "beta", "information_ratio"),
}


def test_the_columns_of_the_table_have_their_names_and_units():
    assert {name: METRICS[name].unit for name in COLUMNS} == SCHEMA


def test_the_metrics_beside_them_are_there():
    assert set(METRICS) >= BESIDE


def test_every_entry_is_complete():
    assert len(METRICS) == len({metric.title for metric in METRICS.values()})
    assert list(GROUPS) == list(get_args(Group))
    for metric in METRICS.values():
        assert metric.unit in get_args(Unit)
        assert metric.needs in get_args(Need)
        assert metric.meaning.endswith(".")
        assert metric.formula
        assert metric.name.endswith("_percent") == (metric.unit == "percent")


def test_the_registry_and_the_summary_have_the_same_metrics(make_inputs):
    assert list(compute_metrics(make_inputs([100.0, 101.0]))) == list(METRICS)


def test_headline_is_short():
    assert "sharpe_ratio" in HEADLINE
    assert len(HEADLINE) <= 10


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(NotFoundError, match="Did you mean 'sharpe_ratio'"):
        describe("sharp_ratio")
    with pytest.raises(NotFoundError):
        format_value("nothing", 1.0)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("total_return", 1234.5, "1,234.50"),
        ("total_return", -0.005, "-0.01"),
        ("total_return", 1e-7, "1e-07"),
        ("total_return", 0.0, "0.00"),
        ("total_return", 1e20, "1e+20"),
        ("total_return_percent", 12.5, "12.5 %"),
        ("total_return_percent", -1.25, "-1.25 %"),
        ("total_return_percent", 9.999, "10.0 %"),
        ("total_return_percent", 123456.78, "123,456.8 %"),
        ("total_return_percent", 0.0004, "0.0004 %"),
        ("total_return_percent", 3e40, "3e+40 %"),
        ("win_rate", 0.4, "40.0 %"),
        ("var_95", -0.0191, "-1.91 %"),
        ("sharpe_ratio", 1.0823, "1.08"),
        ("profit_factor", 0.0, "0.00"),
        ("total_trades", 12345, "12,345"),
        ("average_holding_time", 12.0, "12 minutes"),
        ("average_holding_time", 600.0, "10.0 hours"),
        ("average_holding_time", 14_400.0, "10.0 days"),
        ("max_drawdown_duration", 0.25, "6.0 hours"),
        ("max_drawdown_duration", 1584.0, "1,584 days"),
        ("turnover", 12.0, "12.0 per year"),
        ("profit_factor", None, "–"),
    ],
)
def test_values_are_written_for_people(name, value, text):
    assert format_value(name, value) == text


def test_the_registry_and_the_summary_need_neither_pandas_nor_plotly():
    code = (
        "import sys, research_kit.metrics.registry as r; light = 'numba' not in sys.modules;"
        "import research_kit.metrics.summary;"
        "sys.exit(not light or bool({'pandas', 'plotly', 'sqlmodel'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
