"""One offline HTML file from a run or a notebook, and batches of notebooks."""

from research_kit.deferred import defer_grammar

defer_grammar()  # before nbformat and papermill
