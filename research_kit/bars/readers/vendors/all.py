"""All readers of vendors' text, the most particular first; no two of them claim the same file."""

from __future__ import annotations

from research_kit.bars.readers.base import Reader
from research_kit.bars.readers.vendors.crypto import CRYPTO
from research_kit.bars.readers.vendors.forex import FOREX
from research_kit.bars.readers.vendors.platforms import PLATFORMS
from research_kit.bars.readers.vendors.stocks import EXCEL, STOCKS, ExcelDates

VENDORS: tuple[Reader, ...] = (*CRYPTO, *FOREX, *PLATFORMS, *STOCKS, ExcelDates(EXCEL))
"""To stand before ``DelimitedText`` among the readers; Excel's dates, which any vendor's file may have, come last."""
