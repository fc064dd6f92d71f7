import numpy as np
import pytest

from research_kit.errors import DataError


def test_arrays_are_read_only_once_inside(make_inputs):
    equity = np.array([100.0, 101.0])
    inputs = make_inputs(equity, trade_pnl=[1, 2])
    assert not inputs.equity.flags.writeable
    assert inputs.trade_pnl.dtype == np.float64
    equity[0] = 5.0  # the caller's own array stays writeable


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"equity": [100.0, np.nan, 101.0]}, "equity must be finite numbers; value 1 is nan"),
        ({"trade_pnl": [np.inf]}, "trade_pnl must be finite"),
        ({"equity": [[1.0, 2.0]]}, "one dimension"),
        ({"time_ns": np.arange(2)}, r"time_ns has shape \(2,\)"),
        ({"time_ns": np.array([0, 2, 2])}, "Times must increase"),
        ({"benchmark": np.ones(4)}, "benchmark has shape"),
        ({"trade_pnl": [1.0], "trade_minutes": []}, "trade_minutes has shape"),
        ({"initial_cash": 0.0}, "initial_cash must be a number above 0; it is 0.0"),
        ({"periods_per_year": np.nan}, "periods_per_year must be"),
        ({"day_ends": np.array([0, 1])}, "end with the last bar, 2"),
        ({"day_ends": np.array([1, 0, 2])}, "day_ends"),
        ({"day_ends": np.array([-1, 2])}, "day_ends"),
        ({"day_ends": np.array([], dtype=int)}, "0 were given"),
    ],
)
def test_what_does_not_fit_is_refused(make_inputs, given, message):
    with pytest.raises(DataError, match=message):
        make_inputs(**({"equity": [100.0, 101.0, 102.0]} | given))
