"""Every error that this package raises on purpose, in one tree.

::

    ResearchKitError
    ├── DataError              a price file or frame that cannot be taken as it is
    │   ├── UnknownFormatError the layout of a file was not recognised
    │   └── MissingColumnError a column that is needed is not there
    ├── SignalError            a strategy returned signals that cannot be traded
    ├── OptionError            an engine option, parameter or argument is out of range
    │   └── ParameterError     a strategy parameter is unknown or out of range
    ├── NotFoundError          a name or id that nothing has (also a LookupError)
    ├── StrategyError          a strategy cannot be loaded, or raised while it ran
    ├── StoreError             the database or a stored file is not as it should be
    │   ├── ArtifactMissingError  a row is there, its file is not
    │   └── SchemaVersionError the database is newer than this code, or damaged
    ├── JobError               work in another process could not be begun, or ended before its time
    └── ReportError            a notebook or a report could not be made

Each message is one sentence or two: what was given, what is allowed, the nearest match, the remedy.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class ResearchKitError(Exception):
    """Root of the tree: catching it catches every error raised on purpose."""


class DataError(ResearchKitError, ValueError):
    """A price file or frame cannot be taken as it is."""


class UnknownFormatError(DataError):
    """The layout of a file was not recognised by any reader."""


class MissingColumnError(DataError):
    """A column that is needed is not in the data."""


class SignalError(ResearchKitError, ValueError):
    """A strategy returned signals that cannot be traded."""


class OptionError(ResearchKitError, ValueError):
    """An engine option or an argument is unknown or out of range."""


class ParameterError(OptionError):
    """A strategy parameter is unknown or out of range."""


class NotFoundError(ResearchKitError, LookupError):
    """Nothing has this name or id."""


class StrategyError(ResearchKitError):
    """A strategy cannot be loaded, or raised while it ran."""


class StoreError(ResearchKitError):
    """The database or a stored file is not as it should be."""


class ArtifactMissingError(StoreError):
    """A row names a file that is not there, or that was changed."""


class SchemaVersionError(StoreError):
    """The database was made by a newer version of this code, or is damaged."""


class JobError(ResearchKitError):
    """Work in another process could not be begun, or ended before its time."""


class ReportError(ResearchKitError):
    """A notebook or a report could not be made."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest allowed name, or the list of allowed names.

    >>> did_you_mean("sma_cros", ["sma_cross", "momentum"])
    "Did you mean 'sma_cross'?"
    >>> did_you_mean("zzz", ["b", "a"])
    'Known: a, b.'
    """
    names = sorted(allowed)
    near = get_close_matches(given, names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {listed(names, most=40)}." if names else "There are none yet."


def listed(names: Iterable[str], most: int = 10) -> str:
    """Return names for a sentence: the first ones, each shortened, and how many there are where not all are shown.

    >>> listed(["open", "close"]), listed("abcdef", most=2)
    ('open, close', 'a, b, ... (6 in all)')
    """
    every = [name if len(name) <= 40 else f"{name[:37]}..." for name in names]
    return ", ".join(every[:most]) + (f", ... ({len(every)} in all)" if len(every) > most else "")


def error_text(error: BaseException, limit: int = 10_000) -> str:
    """Return the kind and the words of an error, cut to a length; also of one that cannot say what it is."""
    try:
        words = str(error)
    except Exception:  # an error whose own text raises is still an error
        words = "(its message could not be read)"
    return f"{type(error).__name__}: {words}"[:limit]
