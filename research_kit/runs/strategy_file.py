"""A notebook's strategy on its way into the workspace's strategies folder, where every process finds it by its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from research_kit.errors import StrategyError
from research_kit.store.files import write_atomic
from research_kit.strategy.base import Strategy, snake_case
from research_kit.strategy.portable import portable_source
from research_kit.strategy.source import strategy_source

if TYPE_CHECKING:
    from research_kit.runs.home import Home


def save_strategy_file(home: Home, strategy: type[Strategy], *, replace: bool = False) -> Path:
    """Write a notebook's class, with all that it uses, as a file of the strategies folder, and return its path."""
    _refuse_others(strategy)
    text = portable_source(strategy).encode()
    file = home.files.folder / "strategies" / f"{snake_case(strategy.__name__).strip('_')}.py"
    before = file.read_bytes() if file.exists() else None
    if before is None and strategy.name in home.registry.names():
        raise StrategyError(
            f"There is a strategy {strategy.name!r} already; rename the class, or give it another name: "
            f'name = "{strategy.name}_2".'
        )
    if before not in (None, text) and not replace:
        raise StrategyError(
            f"strategies/{file.name} is there with another text. replace=True writes over it; "
            "runs keep the source that made them."
        )
    if before != text:
        write_atomic(file, text)
        _prove(home, strategy, file, before)
    return file


def _refuse_others(strategy: type[Strategy]) -> None:
    """Refuse what is no class of a notebook or script."""
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        raise StrategyError(f"A strategy's class is saved, not {strategy!r}; give the class that a cell defines.")
    source = strategy_source(strategy)
    if source.origin in ("builtin", "workspace"):
        raise StrategyError(f"{strategy.name} is in a file already, {source.module_path}; its name finds it.")


def _prove(home: Home, strategy: type[Strategy], file: Path, before: bytes | None) -> None:
    """Find the class by its name, as others will; where that fails, leave the folder as it was."""
    try:
        home.registry.resolve(strategy.name)
    except BaseException:
        if before is None:
            file.unlink()
        else:
            write_atomic(file, before)
        raise
