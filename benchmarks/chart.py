"""``RESULTS.svg``: how many times faster than peers, and how time and memory grow."""

from __future__ import annotations

from collections.abc import Iterator

from growth.compare import AXES
from growth.compare import curve as growth_curve
from page import figures
from results import Results
from sheet import Sheet
from summary import Aim, aims
from svg import COLOURS, GREY, GRID, INK, LogScale, bar, curve, line, picture, short, text

WIDTH, MARGIN, ROW, LABELS = 960, 24, 22, 430
PANEL, GAP = 300, 70
LEGEND = 3  # names in a row


def chart(results: Results) -> str:
    """Return the drawing; an empty text where there is nothing to draw yet."""
    speeds = [aim for aim in aims(results) if aim.is_speed]
    growth = results.sheets.get("growth")
    parts: list[str] = []
    y = MARGIN
    if speeds:
        parts += _bars(speeds, y)
        y += 40 + ROW * len(speeds) + 34
    if growth and growth.rows:
        parts += _growth(growth, y)
        y += PANEL + 96
    return picture(WIDTH, y, "Speed against peers, and growth of time and memory", parts) if parts else ""


def _bars(speeds: list[Aim], top: float) -> Iterator[str]:
    """Yield a bar for each ratio on a scale of logarithms, a dashed mark where its aim is."""
    scale = LogScale.over([1.0, *(one for aim in speeds for one in (aim.value, aim.bound))], LABELS, WIDTH - 70)
    bottom = top + 30 + ROW * len(speeds)
    yield text(MARGIN, top + 4, "Times as fast as the peer", size=15, weight="bold")
    yield text(WIDTH - MARGIN, top + 4, "dashed: the aim; orange: not reached", size=11, anchor="end", fill=GREY)
    for tick in scale.ticks():
        yield line(scale.at(tick), top + 20, scale.at(tick), bottom)
        yield text(scale.at(tick), bottom + 14, short(tick), size=11, anchor="middle", fill=GREY)
    for number, aim in enumerate(speeds):
        y = top + 26 + ROW * number
        start, end, bound = (scale.at(value) for value in (1.0, aim.value, aim.bound))
        yield text(LABELS - 8, y + 12, aim.what.replace(": times as fast as", " against"), anchor="end")
        yield bar(min(start, end), y, abs(end - start), ROW - 7, COLOURS[0] if aim.is_reached else COLOURS[1])
        yield line(bound, y - 2, bound, y + ROW - 5, stroke=INK, width=1.5, dash="3,2")
        yield text(max(start, end) + 5, y + 12, figures(aim.value), size=11)


def _growth(sheet: Sheet, top: float) -> Iterator[str]:
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    yield from _panel(sheet, "warm_s", "Time, ms", 1e3, (MARGIN + 36, top, width - 36))
    yield from _panel(sheet, "peak_mb", "Memory, MB", 1.0, (MARGIN + 36 + width + GAP, top, width - 36))
    y = top + PANEL + 62
    shown = [
        (axis, colour) for axis, colour in zip(AXES, COLOURS, strict=True) if growth_curve(sheet, axis.name, "warm_s")
    ]
    for number, (axis, colour) in enumerate(shown):
        row, column = divmod(number, LEGEND)
        x = MARGIN + column * (WIDTH - 2 * MARGIN) / LEGEND
        yield bar(x, y - 8 + 18 * row, 14, 4, colour)
        yield text(x + 20, y + 18 * row, axis.title, size=11)


def _panel(sheet: Sheet, name: str, title: str, unit: float, place: tuple[float, float, float]) -> Iterator[str]:
    """Yield one set of axes, both of logarithms, with the curve of each kind of work; dashed: linear growth."""
    left, top, width = place
    curves = {
        axis.name: [(n, unit * max(cost, 1e-9)) for n, cost in growth_curve(sheet, axis.name, name)] for axis in AXES
    }
    points = [point for found in curves.values() for point in found]
    least = 0.1 if name == "peak_mb" else 0.0
    across = LogScale.over([n for n, _ in points], left, left + width)
    up = LogScale.over([max(cost, least) for _, cost in points], top + 30 + PANEL - 20, top + 30)
    yield text(left - 36, top + 8, f"{title}, over the amount of work", size=15, weight="bold")
    for tick in across.ticks():
        yield line(across.at(tick), up.start, across.at(tick), up.end)
        yield text(across.at(tick), up.start + 15, short(tick), size=11, anchor="middle", fill=GREY)
    for tick in up.ticks():
        yield line(left, up.at(tick), left + width, up.at(tick), stroke=GRID)
        yield text(left - 6, up.at(tick) + 4, short(tick), size=11, anchor="end", fill=GREY)
    yield _linear(across, up)
    yield text(left + width, top + 8, "dashed: linear", size=11, anchor="end", fill=GREY)
    for axis, colour in zip(AXES, COLOURS, strict=True):
        placed = [(across.at(n), up.at(max(cost, least))) for n, cost in curves[axis.name]]
        if placed:
            yield curve(placed, colour)


def _linear(across: LogScale, up: LogScale) -> str:
    """Return a dashed line of linear growth that ends in the upper right corner."""
    decades = min(len(across.ticks()), len(up.ticks())) - 1
    start = across.high / 10.0**decades, up.high / 10.0**decades
    return line(across.at(start[0]), up.at(start[1]), across.end, up.end, stroke=GREY, dash="5,4")
