"""connectorx, which only reads: to pandas or, as polars does it, to a polars frame."""

from __future__ import annotations

from typing import Any

import connectorx
import polars

from trades.measuring import main
from trades.work import QUERY


def to_pandas(url: str) -> Any:
    return connectorx.read_sql(_url(url), QUERY, return_type="pandas")


def to_polars(url: str) -> Any:
    return polars.read_database_uri(QUERY, _url(url), engine="connectorx")


def _url(url: str) -> str:
    return url.replace("sqlite:///", "sqlite://")


if __name__ == "__main__":
    main({}, {"pandas": to_pandas, "polars": to_polars}, "connectorx", "polars", "pandas")
