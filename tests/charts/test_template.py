import pytest

from research_kit.charts.template import CONFIG, GREY, PALETTE, chart_template
from research_kit.errors import OptionError


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
@pytest.mark.parametrize("colour", [*PALETTE, GREY])
def test_each_colour_is_seen_on_light_and_dark_pages(colour, page):
    assert contrast(colour, page) >= 3.0


@pytest.mark.parametrize(("theme", "page"), [("light", "#ffffff"), ("dark", "#12161c")])
def test_text_of_reports_is_easy_to_read(theme, page):
    layout = chart_template(theme).layout
    assert contrast(layout.font.color, page) >= 7.0
    assert contrast(layout.xaxis.tickfont.color, page) >= 4.5


@pytest.mark.parametrize("theme", ["notebook", "light", "dark"])
def test_no_theme_brings_a_background(theme):
    layout = chart_template(theme).layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.meta == {"research_kit": theme}


def test_nothing_offers_to_upload_a_chart():
    assert "sendChartToCloud" in CONFIG["modeBarButtonsToRemove"]
    assert CONFIG["showSendToCloud"] is False
    assert "http" not in str(CONFIG)


def test_a_wrong_theme_is_named():
    with pytest.raises(OptionError, match="Did you mean 'dark'"):
        chart_template("darc")  # type: ignore[arg-type]
