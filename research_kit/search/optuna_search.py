"""Sets that optuna suggests, from what the sets before them came to."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np

from research_kit.errors import NotFoundError
from research_kit.search.evaluate import Results
from research_kit.search.space import Axis, Between

if TYPE_CHECKING:
    from research_kit.search.sweep import Search

AT_ONCE = 16  # sets of a round: fixed, so that the suggestions are the same for any number of workers


def suggested(search: Search) -> Generator[Results]:
    """Yield the results of ``search.total`` sets, each round suggested by optuna's TPE sampler from those before it.

    A set that was suggested before is run again at no other result; it counts once in the end.

    Raises
    ------
    NotFoundError
        optuna is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        raise NotFoundError(
            "method='optuna' needs optuna. Install it with: pip install 'research_kit[search]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=search.seed))
    done = 0
    while done < search.total:
        trials = [study.ask() for _ in range(min(AT_ONCE, search.total - done))]
        sets = [{name: _suggest(trial, name, axis) for name, axis in search.space.axes.items()} for trial in trials]
        search.suggested.extend(sets)
        for results in search.run([(range(done, done + len(sets)), sets)], len(sets)):
            _tell(study, trials, results, search.objective.scores(results.metrics))
            yield results
        done += len(trials)


def _suggest(trial: Any, name: str, axis: Axis) -> Any:
    if not isinstance(axis, Between):
        return axis[0] if len(axis) == 1 else trial.suggest_categorical(name, axis)
    suggest = trial.suggest_int if axis.is_whole else trial.suggest_float
    if axis.step is None or axis.count is None:
        return suggest(name, axis.low, axis.high, log=axis.log)
    return suggest(name, axis.low, axis.number(axis.count - 1), step=axis.step)


def _tell(study: Any, trials: list[Any], results: Results, scores: np.ndarray) -> None:
    """Tell optuna what became of its suggestions; a set without a value has failed."""
    from optuna.trial import TrialState

    for trial, score in zip(trials, scores, strict=True):
        if np.isnan(score):
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, float(score))
