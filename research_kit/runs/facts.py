"""What the row of a dataset tells about its bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from research_kit.store.reach import moment_of

if TYPE_CHECKING:
    from research_kit.bars.frame import Bars
    from research_kit.bars.quality.report import QualityReport
    from research_kit.store.files import StoredFile


def facts_of(bars: Bars, quality: QualityReport, stored: StoredFile) -> dict[str, Any]:
    """Return what the columns of ``datasets`` hold about bars, their quality and their file, by column name."""
    return {
        "file_path": stored.path,
        "file_size": stored.size,
        "sha256": stored.sha256,
        "rows_count": len(bars),
        "columns": ["time", *bars.columns],
        "timeframe": bars.timeframe,
        "session": bars.session,
        "start_date": moment_of(int(bars.time_ns[0])),
        "end_date": moment_of(int(bars.time_ns[-1])),
        "missing_data_pct": quality.missing_data_pct,
        "data_quality_score": quality.data_quality_score,
        "has_gaps": quality.has_gaps,
        "quality_checks": quality.to_dict(),
        "symbol": bars.symbol,
    }
