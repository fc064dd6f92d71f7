"""The strategy of a recorded run as it was then: from where it is trusted, or from its stored text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from research_kit.errors import NotFoundError, ResearchKitError, StrategyError
from research_kit.runs.jobs.attempt import SUBMITTED
from research_kit.store.strategies import find_strategy
from research_kit.strategy.source import StrategySource, strategy_source
from research_kit.strategy.stored import stored_strategy
from research_kit.strategy.submitted import load_submitted

if TYPE_CHECKING:
    from research_kit.runs.home import Home
    from research_kit.runs.run import Run
    from research_kit.strategy.base import Strategy

IMPORTED = "imported"  # beside the specification of a run that came from an export: where from, and whether trusted


class UntrustedSourceError(StrategyError):
    """The source of a run came from elsewhere, and nobody has said that it may be run."""


def source_of(run: Run) -> StrategySource | None:
    """Return the stored source of a run's strategy, whatever its hash; None where there is none."""
    try:
        row = find_strategy(run.home.database, run.job.strategy_id or 0)
    except NotFoundError:
        return None
    if row.source is None:
        return None
    return StrategySource(
        text=row.source,
        sha256=run.job.strategy_sha256 or row.source_sha256 or "",
        origin=row.origin or "module",  # type: ignore[arg-type]
        module_path=row.module_path or "",
        class_name=row.class_name or "",
    )


def is_intact(source: StrategySource) -> bool:
    """Return whether a text is the one whose hash it has."""
    return sha256(source.text.encode()).hexdigest() == source.sha256


def is_trusted(run: Run) -> bool:
    """Return whether the stored source of a run may be run unasked: it was recorded here, in a file of the workspace.

    What came with an export, or lies in a database that others write to, is not.
    """
    imported = (run.job.spec or {}).get(IMPORTED)
    return run.home.database.url.startswith("sqlite") if imported is None else bool(imported.get("trusted"))


@contextmanager
def strategy_class_of(run: Run, strategy_sha256: str, *, trust: bool = False) -> Iterator[type[Strategy]]:
    """Yield the class that a run was made with.

    The one that can be named today where its source has the same hash, else the one that the stored source makes.

    Raises
    ------
    UntrustedSourceError
        Only the stored source is left, and it is not trusted.
    StrategyError
        There is no source of this hash, or it cannot be loaded.
    """
    known = known_class(run, strategy_sha256)
    if known is not None:
        yield known
        return
    source = source_of(run)
    if source is None or sha256(source.text.encode()).hexdigest() != strategy_sha256:
        raise StrategyError("The source that was run is not stored any more, and no strategy of today has its hash.")
    if not (trust or is_trusted(run)):
        raise UntrustedSourceError(
            f"The source of run {run.id} came with an import, or lies in a database that others write to, and was not "
            f"run. Read it (run.source, `research-kit source {run.id}`), and if you trust it say trust=True (--trust)."
        )
    with stored_strategy(source) as kind:
        yield kind


def known_class(run: Run, strategy_sha256: str) -> type[Strategy] | None:
    """Return the class of this source among those that are trusted without asking, None where there is none."""
    spec = run.job.spec or {}
    class_name = str(spec.get("strategy_class", "")).rpartition(":")[2]
    for kind, row in run.home.kept.items():
        if row.source_sha256 == strategy_sha256 and kind.__qualname__ == class_name:
            return kind
    if SUBMITTED in spec:
        try:
            return load_submitted(run.home.files.folder / "strategies", spec[SUBMITTED], class_name)
        except StrategyError:
            return None
    kind_now, sha_now = class_today(run.home, spec)
    return kind_now if sha_now == strategy_sha256 else None


def class_today(home: Home, spec: dict[str, Any]) -> tuple[type[Strategy] | None, str | None]:
    """Return the class that a specification names today and the sha256 of its source; None where there is none."""
    try:
        found = home.registry.resolve(str(spec.get("strategy_class", "")))
        kind = found if isinstance(found, type) else type(found)
        return kind, strategy_source(kind).sha256
    except ResearchKitError:
        return None, None
