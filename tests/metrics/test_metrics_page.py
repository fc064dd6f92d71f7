from pathlib import Path

from research_kit.metrics.docs import metrics_page
from research_kit.metrics.registry import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_committed_page_is_the_one_the_registry_writes():
    assert PAGE.read_text(encoding="utf-8") == metrics_page(), (
        "run python -m research_kit.metrics.docs > docs/metrics.md"
    )


def test_every_metric_has_its_place():
    page = metrics_page()
    for metric in METRICS.values():
        assert f"### `{metric.name}`" in page
        assert metric.formula in page
