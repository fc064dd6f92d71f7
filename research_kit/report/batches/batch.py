"""A batch of notebooks as users hold it: run, looked at, gone on with, cancelled, zipped."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from research_kit.errors import NotFoundError, ReportError, did_you_mean
from research_kit.processes.identity import is_alive, is_over
from research_kit.processes.lock import hold
from research_kit.report.batches.page import Spark, index_page, write_index
from research_kit.report.batches.plan import Item, Plan, Sets, batch_folder, make_plan, parameters_key
from research_kit.report.batches.progress import BatchProgress, OnBatchProgress, showing
from research_kit.report.batches.runner import BatchLimits, BatchRunner, Todo
from research_kit.runs.home import Paper
from research_kit.runs.jobs.pulse import GRACE
from research_kit.store import batches
from research_kit.store.files import replacing
from research_kit.store.listings import HEADLINE_METRICS
from research_kit.store.records import NewNotebookRun

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.home import Home
    from research_kit.store.tables import NotebookRun

INDEX_EVERY = 5.0  # seconds between two writings of the index of a batch that runs
INDEX_SHARE = 20.0  # and at least so many times as long as a writing takes
STATES = ("completed", "failed", "cancelled", "running", "pending")


class Batch:
    """A notebook that was run with many sets of parameters: ``table``, ``index``, ``ok``, ``resume()``, ``zip()``."""

    def __init__(self, home: Home, name: str) -> None:
        self.home = home
        self.name = name
        self.folder = batch_folder(home, name)

    @classmethod
    def load(cls, home: Home, name: str) -> Batch:
        """Return a batch by its name; where its runner died, what it was running becomes failed."""
        batch = cls(home, name)
        settle_batches(home)
        if not batch.rows:
            raise NotFoundError(f"There is no batch {name!r}. {did_you_mean(name, _names(home))}")
        return batch

    def __repr__(self) -> str:
        counts = self.counts
        told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        return f"Batch({self.name!r}, {told})"

    @property
    def rows(self) -> list[batches.BatchRow]:
        """The newest run of each set of parameters, in order, with what was recorded in it."""
        return batches.batch_rows(self.home.database, self.name)

    @property
    def counts(self) -> Counter[str]:
        """How many are in each state."""
        return Counter(row.run.status for row in self.rows)

    @property
    def ok(self) -> bool:
        """Whether every notebook completed."""
        return set(self.counts) <= {"completed"}

    @property
    def index(self) -> Path:
        """The page that lists them all."""
        return self.folder / "index.html"

    @property
    def table(self) -> pd.DataFrame:
        """One row for each set: number, state, parameters, key metrics, error, seconds, and where its files are.

        Nothing is read but the database. A parameter that has the name of another column is there as ``name_``.
        """
        import pandas as pd

        rows = self.rows
        own = ("number", "status", "error", "seconds", "run_id", "html", "notebook")
        lines = []
        for row in rows:
            parameters = {
                f"{name}_" if name in own or name in HEADLINE_METRICS else name: value
                for name, value in (row.run.parameters or {}).items()
            }
            lines.append(
                {"number": row.run.position, "status": row.run.status, **parameters, **row.metrics}
                | {"error": row.run.error, "seconds": row.run.actual_duration, "run_id": row.backtest_id}
                | {"html": row.run.html_path, "notebook": row.run.output_path}
            )
        frame = pd.DataFrame(lines)
        metrics = [name for name in HEADLINE_METRICS if name in frame]
        given = [name for name in frame if name not in own and name not in metrics]
        frame = frame[[*own[:2], *given, *metrics, *own[2:]]]
        return frame.astype({"seconds": "float64", "run_id": "Int64"})

    def cancel(self) -> int:
        """Ask for its end, wherever it runs, and return how many notebooks were running; they end within seconds."""
        return batches.request_batch_cancel(self.home.database, self.name)

    def resume(self, *, progress: bool | OnBatchProgress | None = None, **limits: Any) -> Batch:
        """Run what is not completed with the inputs as they are now: notebook, parameters, dataset, strategy.

        ``limits`` are ``workers``, ``time_limit``, ``memory_limit``, ``retries`` and ``stop_on_error``.
        """
        rows = self.rows
        notebook = self.home.files.folder / rows[-1].run.notebook
        sets = [row.run.parameters or {} for row in rows]
        return run_batch(self.home, notebook, sets, name=self.name, progress=progress, **limits)

    def report(self, path: Path | str | None = None, *, paper: Paper = "A4") -> Path:
        """Write the index as one file to be sent alone, without links, and return its path.

        ``NAME.html`` beside the folder when none is given; a PDF where the path ends in ``.pdf``.
        """
        from research_kit.report.write import write_report

        return write_report(self, path, paper=paper)

    def page(self) -> str:
        """Return the index as one page without links."""
        rows = self.rows
        return index_page(self.home, self.folder, Path(rows[-1].run.notebook).name, rows, has_links=False)

    def zip(self, path: Path | str | None = None) -> Path:
        """Pack the folder into one file to be sent, and return its path; beside the folder when none is given."""
        target = Path(path) if path is not None else self.folder.with_name(f"{self.name}.zip")
        with replacing(target) as temporary, zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.folder.rglob("*")):
                if file.is_file() and not file.is_symlink() and file.suffix != ".tmp":
                    archive.write(file, Path(self.name) / file.relative_to(self.folder))
        return target.absolute()


@dataclass
class _Told:
    """Hears how each notebook ended: counts, tells the progress, and renews the index now and then."""

    batch: Batch
    title: str
    total: int
    report: OnBatchProgress | None
    seen: Counter[str] = field(default_factory=Counter)
    sparks: dict[int, Spark] = field(default_factory=dict)
    begun: float = field(default_factory=monotonic)
    next_index: float = 0.0

    def hear(self, state: str) -> None:
        self.seen[state] += 1
        done = self.seen.total()
        if self.report is not None:
            left = (monotonic() - self.begun) / done * (self.total - done)
            self.report(BatchProgress(done, self.seen["failed"], self.total, left))
        if monotonic() > self.next_index:
            self.write()

    def write(self) -> None:
        before = monotonic()
        write_index(self.batch.home, self.batch.folder, self.title, self.batch.rows, self.sparks)
        took = monotonic() - before  # a large one is written less often
        self.next_index = before + max(INDEX_EVERY, INDEX_SHARE * took)


def run_batch(
    home: Home,
    notebook: Path | str,
    parameters: Sets | None = None,
    *,
    grid: Mapping[str, Any] | None = None,
    name: str | None = None,
    progress: bool | OnBatchProgress | None = None,
    **limits: Any,
) -> Batch:
    """Run a notebook with every set of parameters and return the batch; what is completed is not run again.

    Raises
    ------
    ReportError, NotFoundError, OptionError
        Something is not as it must be; nothing was started.
    StoreError
        The batch is run by another process.
    KeyboardInterrupt
        It was interrupted; no kernel is left, and ``resume`` goes on.
    """
    asked = BatchLimits(**{"workers": _cores()} | limits)
    plan = make_plan(home, notebook, parameters, grid, name)
    batch = Batch(home, plan.name)
    with _held(plan), showing(progress) as report:
        settle_batches(home)
        batches.check_batch_free(home.database, plan.name)
        todo = _record(home, plan)
        told = _Told(batch, plan.notebook.name, len(todo), report)
        told.write()
        try:
            if todo:
                BatchRunner(home, plan, asked, told.hear).run(todo)
        finally:
            told.write()
    return batch


def settle_batches(home: Home, grace: float = GRACE) -> list[int]:
    """Fail what a runner that died was running, and return the ids; anyone may do so at any time."""
    return batches.settle_notebook_runs(home.database, is_over, grace, is_alive)


@contextmanager
def _held(plan: Plan) -> Iterator[None]:
    """Be the only runner of this batch; the file is given free with this process, however it ends."""
    held = hold(plan.folder.with_name(f".{plan.name}.lock"))
    if held is None:
        raise ReportError(f"The batch {plan.name!r} is run by another process. Wait for it, or cancel it.")
    try:
        yield
    finally:
        held.release()


def _record(home: Home, plan: Plan) -> list[Todo]:
    """Record what is to be run, and return it: what is completed with the same inputs is not."""
    rows = {parameters_key(row.run.parameters or {}): row.run for row in batches.batch_rows(home.database, plan.name)}
    free = max((run.position or 0 for run in rows.values()), default=0)
    waiting = [run.id for run in rows.values() if run.status == "pending"]  # of a runner that died
    batches.cancel_waiting_notebooks(home.database, waiting, "Its runner ended before it began.")
    wanted: list[tuple[int, Item]] = []
    for item in plan.items:
        before = rows.get(item.key)
        if before is None:
            free += 1
        elif _stands(home, before, item):
            continue
        wanted.append((free if before is None else before.position or 0, item))
    ids = batches.create_notebook_runs(home.database, [_new(home, plan, *one) for one in wanted])
    return [Todo(run_id, position, item) for run_id, (position, item) in zip(ids, wanted, strict=True)]


def _stands(home: Home, before: NotebookRun, item: Item) -> bool:
    files = [home.files.folder / path for path in (before.output_path, before.html_path) if path]
    return (
        before.status == "completed"
        and before.inputs_hash == item.inputs_hash
        and len(files) == 2
        and all(file.is_file() for file in files)
    )


def _new(home: Home, plan: Plan, position: int, item: Item) -> NewNotebookRun:
    folder = home.files.folder
    inside = plan.notebook.is_relative_to(folder)
    return NewNotebookRun(
        notebook=str(plan.notebook.relative_to(folder) if inside else plan.notebook),
        notebook_sha256=plan.sha256,
        parameters=item.parameters,
        batch=plan.name,
        position=position,
        inputs_hash=item.inputs_hash,
    )


def _names(home: Home) -> Sequence[str]:
    return [str(name) for name in batches.batches_table(home.database)["name"]]


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
