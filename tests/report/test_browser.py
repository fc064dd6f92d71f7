"""The report as a reader opens it: from a disk, without a network, in a real browser."""

import numpy as np
import plotly.graph_objects as go
import pytest

from research_kit.charts.backtests.backtest import backtest_figure, equity_figure
from research_kit.charts.series import TRADE_COLUMNS, BacktestSeries
from research_kit.report.cards import key_figures, monthly_table, run_card, trades_table, warning_box
from research_kit.report.export import export_html

pytestmark = pytest.mark.browser

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)><b>$x$ %{y} <a href='javascript:alert(3)'>"
DRAWN = """() => [...document.querySelectorAll('figure.chart')].map(chart =>
  [...chart.querySelectorAll('.scatterlayer .js-line')].map(line => line.getBBox()).filter(b => b.width > 50).length)"""


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that writes a report and opens it: the page, what it complained of, what it asked for."""
    contexts = []

    def open_report(html, scheme="light", width=1280):
        path = tmp_path / "a report #1.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page, complaints = context.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: asked.url.startswith("http") and complaints.append(asked.url))
        page.goto(path.as_uri())
        page.wait_for_function("() => document.readyState === 'complete'")
        return page, complaints

    yield open_report
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 800)])
def test_every_chart_is_drawn_offline(opened, three_charts, tmp_path, scheme, width):
    page, complaints = opened(export_html(three_charts, title="A run"), scheme, width)
    assert page.evaluate(DRAWN) == [4, 2, 1]
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
    assert (tmp_path / f"{scheme}-{width}.png").stat().st_size > 20_000


def test_charts_follow_the_colour_of_the_page(opened, three_charts):
    page, complaints = opened(export_html(three_charts, title="A run"), "dark")
    colour = "() => getComputedStyle(document.querySelector('.xtick text')).fill"
    dark = page.evaluate(colour)
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"before => ({colour})() !== before", arg=dark)
    assert page.evaluate(DRAWN) == [4, 2, 1]
    assert complaints == []


def test_no_button_uploads_a_chart_and_pictures_can_be_saved(opened, three_charts):
    page, complaints = opened(export_html(three_charts, title="A run"))
    titles = page.evaluate("() => [...document.querySelectorAll('.modebar-btn')].map(b => b.dataset.title ?? '')")
    assert "Download plot as a PNG" in titles
    assert not any("share" in title.lower() or "cloud" in title.lower() for title in titles)
    picture = page.evaluate("() => Plotly.toImage(document.querySelector('.js-plotly-plot'), {format: 'png'})")
    assert picture.startswith("data:image/png")
    assert complaints == []


def test_hostile_names_make_no_element_and_no_dialog(opened, notebook, output, series):
    one = series(60, title=HOSTILE)
    trades = {name: np.array([HOSTILE]) for name in TRADE_COLUMNS}
    trades |= {name: np.array([100.0]) for name in ("entry_price", "exit_price", "pnl", "quantity")}
    trades |= {"entry_time": one.time[5:6], "exit_time": one.time[50:51], "side": np.array(["long"])}
    figure = backtest_figure(BacktestSeries(**(vars(one) | {"trades": trades, "currency": "<b>"})))
    cards = (run_card({HOSTILE: HOSTILE}), key_figures([(HOSTILE, HOSTILE, HOSTILE)]), warning_box(HOSTILE))
    outputs = [[output(html=card._repr_html_())] for card in (*cards, trades_table(trades))]
    page, complaints = opened(export_html(notebook([output(figure=figure)], *outputs), title=HOSTILE, problem=HOSTILE))
    box = page.locator("figure.chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.85, box["y"] + box["height"] * 0.5)
    page.wait_for_selector(".hoverlayer text")
    assert "<script>alert(1)</script>" in page.locator(".gtitle").first.text_content()
    assert "alert(1)" in page.locator(".hoverlayer").text_content()
    assert page.locator("main script:not([type='application/json']), main img, figure a, main b").count() == 0
    assert complaints == []


def test_the_policy_stops_what_slips_through(opened, three_charts):
    html = export_html(three_charts, title="A run")
    injected = html.replace("</main>", "<script>document.title='taken'</script><img src='https://a.b/c.png'></main>")
    page, complaints = opened(injected)
    assert page.title() == "A run"
    assert page.evaluate(DRAWN) == [4, 2, 1]
    assert any("Content Security Policy" in text for text in complaints)
    assert any("img-src" in text for text in complaints)


def test_a_chart_that_fails_does_not_stop_the_others(opened, notebook, output, series):
    broken = {"data": [{"type": "scatter", "x": 1, "transforms": 3}], "layout": {"xaxis": {"type": "date", "range": 1}}}
    good = output(figure=equity_figure(series()))
    page, _ = opened(export_html(notebook([output(figure=broken)], [good]), title="x"))
    assert page.evaluate(DRAWN)[1] == 2


def test_webgl_lines_are_drawn_as_plain_ones(opened, notebook, output):
    figure = go.Figure(go.Scattergl(x=[1, 2, 3], y=[3, 1, 2], mode="lines"))
    page, complaints = opened(export_html(notebook([output(figure=figure)]), title="x"))
    assert page.evaluate(DRAWN) == [1]
    assert complaints == []


def test_charts_that_compile_may_do_so(opened, notebook, output):
    figure = go.Figure(go.Parcoords(dimensions=[{"label": name, "values": [1, 2, 3]} for name in "ab"]))
    page, complaints = opened(export_html(notebook([output(figure=figure)]), title="x"))
    assert page.locator(".parcoords .axis-title").count() == 2
    assert not [text for text in complaints if "Policy" in text or "eval" in text]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_printed_charts_fit_on_white_paper(opened, three_charts, tmp_path, scheme):
    page, complaints = opened(export_html(three_charts, title="A run"), scheme)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        page.evaluate("() => Math.max(...[...document.querySelectorAll('.main-svg')].map(s => s.clientWidth))") == 680
    )
    assert page.evaluate("() => getComputedStyle(document.querySelector('.xtick text')).fill") == "rgb(91, 100, 114)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function("() => [...document.querySelectorAll('.main-svg')].every(s => s.clientWidth > 900)")
    printed = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert len(printed) < 500_000
    assert complaints == []


def test_five_million_bars_open_at_once(opened, notebook, output, series):
    html = export_html(notebook([output(figure=backtest_figure(series(5_000_000)))]), title="x")
    assert len(html.encode()) < 6_000_000
    page, _ = opened(html)
    assert page.evaluate(DRAWN) == [4]
    took = page.evaluate("() => { const t = performance.now(); dispatchEvent(new Event('afterprint'));"
                         " return performance.now() - t; }")  # fmt: skip
    assert took < 2_000  # milliseconds; 0.1 s on a quiet machine


def test_a_table_of_months_fits_a_narrow_page(opened, notebook, output):
    months = np.tile([-0.123, 0.045], (8, 6))
    card = monthly_table(np.arange(2016, 2024), months, months[:, 0])
    page, _ = opened(export_html(notebook([output(html=card._repr_html_())]), title="x"), width=800)
    inside, whole, row = page.evaluate("""() => {
      const box = document.querySelector('.rk-months');
      return [box.clientWidth, box.scrollWidth, box.querySelector('tbody tr').clientHeight];
    }""")
    assert whole <= inside
    assert row < 40
