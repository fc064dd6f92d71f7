"""For each chart a pure data function and a thin Plotly figure function."""

from research_kit.deferred import defer_grammar

defer_grammar()  # before plotly, which imports nbformat
