"""Strategies on their way into the store: resolved by any of their names, kept with their source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from research_kit.errors import ParameterError, ResearchKitError, StrategyError
from research_kit.store.files import write_atomic
from research_kit.store.records import NewStrategy
from research_kit.store.strategies import save_strategy
from research_kit.strategy.base import Strategy
from research_kit.strategy.portable import portable_source
from research_kit.strategy.source import strategy_source
from research_kit.strategy.submitted import submitted_file

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.store.tables import StrategyRow

StrategyKey = str | Strategy | type[Strategy]


def make_strategy(home: Home, key: StrategyKey, parameters: Mapping[str, Any] | None) -> Strategy:
    """Return the strategy that a name, a class or an instance means, with these parameters."""
    found = home.registry.resolve(key)
    if isinstance(found, Strategy):
        if parameters:
            raise ParameterError(
                f"{found.name} was given with its parameters set; leave out parameters={dict(parameters)!r}, "
                "or give the class."
            )
        return found
    return found.with_parameters(parameters or {})


def name_of(key: StrategyKey) -> str:
    """Return the name under which the runs of a strategy are recorded; a name is taken as it is."""
    if isinstance(key, str):
        return key
    if isinstance(key, Strategy) or (isinstance(key, type) and issubclass(key, Strategy)):
        return key.name
    raise StrategyError(f"A strategy is its name, its class or an instance; given was {key!r:.100}.")


def keep_strategy(home: Home, strategy: type[Strategy]) -> StrategyRow:
    """Return the row of a strategy's source, made on its first use; a class never changes, so it is kept once."""
    if strategy not in home.kept:
        home.kept[strategy] = _save(home, strategy)
    return home.kept[strategy]


def _save(home: Home, strategy: type[Strategy]) -> StrategyRow:
    source = strategy_source(strategy)
    return save_strategy(
        home.database,
        NewStrategy(
            name=strategy.name,
            source=source.text,
            source_sha256=source.sha256,
            origin=source.origin,
            module_path=source.module_path,
            class_name=source.class_name,
            description=strategy.description(),
            parameters_schema=strategy.model_json_schema(),
            default_parameters=_defaults(strategy),
        ),
    )


def write_down(home: Home, strategy: Strategy) -> str:
    """Write a notebook's strategy where other processes find it, and return the sha256 of its text.

    Raises
    ------
    StrategyError
        It uses a value that cannot be written down.
    """
    text = portable_source(type(strategy))
    digest, file = submitted_file(home.files.folder / "strategies", text)
    if not file.exists():
        write_atomic(file, text.encode())
    return digest


def keep_all_strategies(home: Home) -> None:
    """Bring the ``strategies`` table up to date with what can be named now."""
    for strategy in home.registry.classes().values():
        keep_strategy(home, strategy)


def _defaults(strategy: type[Strategy]) -> dict[str, Any]:
    """Return the default parameters; a strategy whose parameters have no defaults has none."""
    try:
        return strategy.with_parameters({}).parameters()
    except ResearchKitError:
        return {}
