"""A few marks of SVG, enough for a chart without any library: each function returns the text of one element."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

INK, GREY, GRID = "#222222", "#666666", "#dddddd"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d31", "#56b4e9")  # told apart by the colour-blind, too
FONT = "font-family='Helvetica, Arial, sans-serif'"


@dataclass(frozen=True)
class LogScale:
    """Places numbers on a line of pixels by their logarithm, whole decades at both ends."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Iterable[float], start: float, end: float) -> LogScale:
        known = [value for value in values if value > 0]
        first, last = floor(log10(min(known))), ceil(log10(max(known)))
        return cls(10.0**first, 10.0 ** max(last, first + 1), start, end)

    def at(self, value: float) -> float:
        share = (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(round(log10(self.low)), round(log10(self.high)) + 1)]


def picture(width: int, height: int, title: str, marks: Iterable[str]) -> str:
    """Return a whole drawing on white, with its title for those who cannot see it."""
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'"
    ground = f"<rect width='{width}' height='{height}' fill='white'/>"
    return "\n".join([f"{head} role='img'>", f"<title>{escape(title)}</title>", ground, *marks, "</svg>"]) + "\n"


def text(
    x: float, y: float, words: str, *, size: int = 12, anchor: str = "start", fill: str = INK, weight: str = "normal"
) -> str:
    style = f"{FONT} font-size='{size}' font-weight='{weight}' text-anchor='{anchor}' fill='{fill}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(words)}</text>"


def line(x: float, y: float, x2: float, y2: float, *, stroke: str = GRID, width: float = 1.0, dash: str = "") -> str:
    dashed = f" stroke-dasharray='{dash}'" if dash else ""
    ends = f"x1='{x:.1f}' y1='{y:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'"
    return f"<line {ends} stroke='{stroke}' stroke-width='{width}'{dashed}/>"


def bar(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{max(width, 1):.1f}' height='{height:.1f}' fill='{fill}'/>"


def curve(points: Sequence[tuple[float, float]], stroke: str) -> str:
    """Return a line through points, with a dot on each."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2.5' fill='{stroke}'/>" for x, y in points)
    return f"<polyline points='{path}' fill='none' stroke='{stroke}' stroke-width='1.8'/>{dots}"


def short(value: float) -> str:
    """Return a round number as axes write it: 10k, 5M, 0.1."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
