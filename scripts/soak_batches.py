"""A batch of notebooks under fire: ``python scripts/soak_batches.py --notebooks 200 [--database URL]``.

Kernels, the process that they are forked from, and once the runner itself are killed with SIGKILL, and some notebooks
raise; then the batch is gone on with until all completed. Each state must have its reason, what completed must not run
again, and no process may be left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import psutil

import research_kit as rk
from research_kit.report.batches.batch import Batch
from research_kit.workspace import Workspace

RAISES = 20  # one notebook in so many, until it is mended
RUNNER = """
import sys
import research_kit as rk
with rk.open_workspace(sys.argv[1], sys.argv[2]) as ws:
    grid = {"n": range(int(sys.argv[5]))}
    ws.run_notebooks(sys.argv[3], {"signs": sys.argv[4]}, grid=grid, name="storm", workers=2, progress=False)
"""
WORK = f"""
import os, time
from pathlib import Path
with open(Path(signs) / "ran", "a") as file:
    file.write(f"{{n}} {{os.getpid()}}\\n")
time.sleep(0.2)
if n % {RAISES} == 7 and not (Path(signs) / "mended").exists():
    raise ValueError(f"no {{n}}")
print("done", n)
"""
LONGEST = 1_800.0  # seconds of one run of the batch
EXPECTED = ("killed by SIGKILL", "ValueError: no ", "The process that ran it ", "the nursery is gone")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--notebooks", type=int, default=200)
    parser.add_argument("--kernels", type=int, default=20, help="how many kernels are killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", help="of PostgreSQL; SQLite when none is given")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="storm-") as folder, rk.open_workspace(Path(folder) / "ws", given.database) as ws:
        storm = Storm(ws, Path(folder), given.notebooks, Random(given.seed))
        storm.run(given.kernels)
    if storm.faults:
        sys.exit("\n".join(storm.faults))
    print("every state has its reason, and only what had not completed ran again")


class Storm:
    """One batch, killed and gone on with."""

    def __init__(self, ws: Workspace, folder: Path, notebooks: int, random: Random) -> None:
        self.ws, self.notebooks, self.random = ws, notebooks, random
        self.signs = folder / "signs"
        self.signs.mkdir()
        self.source = _write_notebook(folder / "work.ipynb")
        self.kills = Counter[str]()
        self.faults: list[str] = []
        self.seen: set[int] = set()  # every process of ours

    def run(self, kernels: int) -> None:
        """Run with kills, until the runner is killed; go on with kills; go on without any; mend and go on."""
        began = monotonic()
        self._round("first, its runner killed", kernels // 2, runner_dies=True)
        self._round("gone on with, kernels killed", kernels - kernels // 2, nursery_dies=True)
        self._round("gone on with")
        if self.batch.counts != {"completed": self.notebooks - self._raising(), "failed": self._raising()}:
            self.faults.append(f"what raises alone should be left: {dict(self.batch.counts)}")
        (self.signs / "mended").touch()
        self._round("mended")
        if self.batch.counts != {"completed": self.notebooks}:
            self.faults.append(f"all should have completed: {dict(self.batch.counts)}")
        print(f"{self.notebooks} notebooks, kills: {dict(self.kills)}, {monotonic() - began:.0f} s")

    @property
    def batch(self) -> Batch:
        return self.ws.load_batch("storm")  # whoever looks settles it

    def _round(self, name: str, kernels: int = 0, *, runner_dies: bool = False, nursery_dies: bool = False) -> None:
        began, before, ran_before = monotonic(), self._completed(), len(self._ran())
        code = [sys.executable, "-c", RUNNER, str(self.ws.folder), self.ws.database.url]
        runner = subprocess.Popen([*code, str(self.source), str(self.signs), str(self.notebooks)])
        moments = sorted(self.random.sample(range(1, max(2, self.notebooks // 2)), kernels))
        end = self.notebooks // 2 + 2 if runner_dies else None
        nursery = self.notebooks // 8 if nursery_dies else None
        until = began + LONGEST
        while runner.poll() is None:
            if monotonic() > until:
                self.faults.append(f"{name}: it took longer than {LONGEST:,.0f} seconds")
                runner.kill()
            ran = self._ran()[ran_before:]
            self._look_at(runner.pid)
            if end is not None and len(ran) >= end:
                self._kill("runner", runner.pid)
                break
            if nursery is not None and len(ran) >= nursery:
                nursery = None
                self._kill("nursery", self._nursery(runner.pid))
            if moments and len(ran) >= moments[0] and ran[-1][1] in self.seen:
                del moments[0]
                self._kill("kernel", ran[-1][1])
            sleep(0.05)
        runner.wait(60)
        self._check(name, began, before, {n for n, _ in self._ran()[ran_before:]})

    def _check(self, name: str, began: float, before: dict[int, int], ran: set[int]) -> None:
        sleep(1.0)
        left = [pid for pid in self.seen if _lives(pid)]
        rows = self.batch.rows
        counts = Counter(row.run.status for row in rows)
        told = " ".join(f"{state} {count}" for state, count in sorted(counts.items()))
        print(f"{name}: {len(ran)} ran, {told}, {monotonic() - began:.0f} s", flush=True)
        if left:
            self.faults.append(f"{name}: still running: {left}")
        if again := ran & set(before):
            self.faults.append(f"{name}: completed before and run again: {sorted(again)}")
        after = self._completed()
        if changed := [n for n, run_id in before.items() if after.get(n) != run_id]:
            self.faults.append(f"{name}: completed before and changed: {changed}")
        for row in rows:
            self._check_row(name, row.run)
        if halves := [file.name for file in self.batch.folder.rglob("*.tmp") if not file.name.startswith(".")]:
            self.faults.append(f"{name}: half written: {halves}")

    def _check_row(self, name: str, run: Any) -> None:
        number, error = run.parameters["n"], run.error or ""
        if run.status == "running":
            self.faults.append(f"{name}: {number} is stuck")
        if run.status == "failed" and not any(words in error for words in EXPECTED):
            self.faults.append(f"{name}: {number} failed without its reason: {error!r}")
        if run.status == "completed":
            book = json.loads((self.ws.folder / run.output_path).read_text(encoding="utf-8"))
            printed = str([cell.get("outputs") for cell in book["cells"]])
            if f"done {number}" not in printed or not (self.ws.folder / run.html_path).is_file():
                self.faults.append(f"{name}: {number} is completed, and its notebook or its page is not")

    def _completed(self) -> dict[int, int]:
        rows = Batch(self.ws, "storm").rows
        return {
            row.run.parameters["n"]: row.run.id for row in rows if row.run.status == "completed" and row.run.parameters
        }

    def _ran(self) -> list[tuple[int, int]]:
        """Return which notebooks ran, in which processes, in their order."""
        file = self.signs / "ran"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(number), int(pid)) for number, pid in (line.split() for line in lines)]

    def _look_at(self, runner: int) -> None:
        try:
            self.seen |= {child.pid for child in psutil.Process(runner).children(recursive=True)}
        except psutil.NoSuchProcess:
            return

    def _nursery(self, runner: int) -> int:
        return int(psutil.Process(runner).children()[0].pid)

    def _kill(self, what: str, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # it had just ended
            return
        self.kills[what] += 1

    def _raising(self) -> int:
        return sum(n % RAISES == 7 for n in range(self.notebooks))


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _write_notebook(path: Path) -> Path:
    from nbformat import v4, write

    make: Any = v4
    cells = [make.new_code_cell("n: int = 0\nsigns: str = ''", id="cell-0"), make.new_code_cell(WORK, id="cell-1")]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    write(make.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)  # type: ignore[no-untyped-call]
    return path


if __name__ == "__main__":
    main()
