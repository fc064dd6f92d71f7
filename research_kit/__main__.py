"""``python -m research_kit`` is the ``research-kit`` command."""

from research_kit.cli import main

main()
