"""Asking again: what is worth another try, and how long to wait before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from research_kit.errors import DataError
from research_kit.sources.fetching import FetchOptions

T = TypeVar("T")


class Transient(Exception):  # noqa: N818 - a signal between the modules of this room, no error of a user
    """A vendor did not answer, or not with bars, and may do so on another try.

    ``wait`` is how many seconds the vendor asks to wait, where it says so.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


def patiently(
    call: Callable[[], T], options: FetchOptions, what: str, waits: Callable[[str], object] = lambda _: None
) -> T:
    """Return what a call returns, made again while it fails for a reason that may pass.

    Parameters
    ----------
    what
        What is asked for, in words: the beginning of the sentence where all tries failed.
    waits
        Told of each pause.

    Raises
    ------
    DataError
        All tries failed, or the vendor asks for a pause that is too long.
    """
    for attempt in range(1, options.tries + 1):
        try:
            return call()
        except Transient as problem:
            if attempt == options.tries:
                tries = "1 try" if attempt == 1 else f"{attempt} tries"
                raise DataError(
                    f"{what} could not be fetched: {problem.reason}, after {tries}. {_kept(options)}"
                ) from problem
            seconds = _pause(problem, attempt, options, what)
            waits(f"{seconds:.1f} s, because {problem.reason}")
            options.sleep(seconds)
    raise AssertionError("tries is at least 1")


def _pause(problem: Transient, attempt: int, options: FetchOptions, what: str) -> float:
    if problem.wait is None:
        longest = min(options.longest_wait, options.first_wait * 2.0 ** (attempt - 1))
        return longest * (0.5 + 0.5 * options.jitter())  # spread, so that many clients do not come back at once
    if problem.wait > options.longest_wait:
        again = datetime.fromtimestamp(options.now() + problem.wait, UTC)
        raise DataError(
            f"{what} could not be fetched: {problem.reason}, and asks to wait {problem.wait:,.0f} s, longer than "
            f"longest_wait={options.longest_wait:,.0f}. Try again after {again:%Y-%m-%d %H:%M} UTC. {_kept(options)}"
        ) from problem
    return problem.wait


def _kept(options: FetchOptions) -> str:
    if options.cache is None:
        return "Nothing was kept; with cache= a folder, the same call goes on where this one ended."
    return "What came so far is kept: the same call goes on from there."


def retry_after(headers: Any, now: float) -> float | None:
    """Return the seconds that an answer's ``Retry-After`` asks to wait, given as a number or as a date.

    >>> retry_after({"Retry-After": "7"}, now=0.0), retry_after({}, now=0.0)
    (7.0, None)
    >>> retry_after({"Retry-After": "Thu, 01 Jan 1970 00:01:00 GMT"}, now=45.0)
    15.0
    """
    given = headers.get("Retry-After") if headers is not None else None
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(str(given)).timestamp() - now)
    except ValueError:
        return None
