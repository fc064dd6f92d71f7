"""The verbs of a workspace that prove what a run says: verify one or all, and take in a run from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from research_kit.runs.run import Run
from research_kit.runs.trust.verification import Verification
from research_kit.workspace.base import OpenWorkspace

if TYPE_CHECKING:
    import pandas as pd

    from research_kit.runs.trust.verifying_all import OnVerified


class ProofVerbs(OpenWorkspace):
    """What shows whether runs can be believed."""

    def verify(self, run: Run | int, *, trust: bool = False) -> Verification:
        """Run a stored run again from its stored source and data, compare byte for byte, and keep the verdict.

        ``ws.verify(12)`` says that it is verified, or what differs and why: data, code, parameters, options, seed,
        versions or engine.

        Parameters
        ----------
        run
            A run, or its id.
        trust
            Whether a source may be run that came from elsewhere: with an import, or from a database that others
            write to.
        """
        return (self.load_run(run) if isinstance(run, int) else run).verify(trust=trust)

    def verify_all(
        self,
        *,
        workers: int | None = None,
        trust: bool = False,
        time_limit: float | None = None,
        on_each: OnVerified | None = None,
    ) -> pd.DataFrame:
        """Verify every recorded run in processes of their own; return a table with one row for each.

        Parameters
        ----------
        workers
            How many processes; one for each core when not given.
        trust
            As in ``verify``.
        time_limit
            Seconds for each run, after which it counts as failed.
        on_each
            Called with each verification as it is made.
        """
        from research_kit.runs.trust.verifying_all import verifications_table, verify_all

        found = verify_all(self, workers=workers, trust=trust, time_limit=time_limit, on_each=on_each)
        return verifications_table(found)

    def import_run(self, folder: Path | str, *, trust: bool = False) -> Run:
        """Record a run from a folder that ``run.export()`` wrote, and return it.

        Nothing in the folder is believed: each file is checked before anything is kept, and the strategy's source is
        stored to be read (``run.source``), not run. With ``trust`` it is run at once, to verify the run.

        Raises
        ------
        StoreError
            The folder is not what an export writes, or a file of it is not what the export says; nothing is kept.
        """
        from research_kit.runs.trust.importing_run import import_run

        return import_run(self, Path(folder), trust=trust)
