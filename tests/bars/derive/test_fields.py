"""What columns hold, by the names that vendors give them."""

import pytest

from research_kit.bars.derive.fields import close_beside, is_price, is_units, kind_of


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("open ask_open bidopen mid_open adj_open", "open"),
        ("high ask_high bidhigh", "high"),
        ("low bid_low asklow", "low"),
        ("close adj_close ask_close bidclose", "close"),
        ("volume quote_volume quote_asset_volume tickvol tick_volume real_volume volume_usdt trades", "sum"),
        ("taker_buy_base_asset_volume trade_count count turnover amount dividends stock_splits ticks", "sum"),
        ("bid_volume number_of_trades", "sum"),
        ("vwap volume_weighted_average_price wap", "mean"),
        ("open_interest spread rsi volume_ma account follow slow ignore", "last"),
    ],
)
def test_kinds(names, kind):
    assert {name: kind_of(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


def test_close_beside():
    assert [close_beside(name) for name in ("bidopen", "adj_high", "low", "vwap")] == [
        "bidclose",
        "adj_close",
        "close",
        "close",
    ]


def test_what_splits_and_dividends_change():
    names = ["open", "ask_low", "vwap", "adj_close", "volume", "quote_volume", "trades", "tick_volume", "adj_volume"]
    assert [name for name in names if is_price(name)] == ["open", "ask_low", "vwap"]
    assert [name for name in names if is_units(name)] == ["volume"]
