"""Asking again: how often, how long between, and what the user reads in the end."""

import pytest

from research_kit.errors import DataError
from research_kit.sources.fetching import FetchOptions
from research_kit.sources.patience import Transient, patiently, retry_after


class Calls:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, wait: float | None = None) -> None:
        self.failures, self.wait, self.made = failures, wait, 0

    def __call__(self) -> str:
        self.made += 1
        if self.made <= self.failures:
            raise Transient("it answered with HTTP 503", self.wait)
        return "bars"


def options(clock, **changes) -> FetchOptions:
    return FetchOptions(**{"now": clock.now, "sleep": clock.sleep, "jitter": lambda: 1.0, **changes})


def test_waits_double_up_to_the_longest(clock):
    assert patiently(Calls(5), options(clock, longest_wait=6.0), "It") == "bars"
    assert clock.slept == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_jitter_takes_off_up_to_half(clock):
    patiently(Calls(2), options(clock, jitter=lambda: 0.0), "It")
    assert clock.slept == [0.5, 1.0]


def test_the_vendors_wait_is_kept_to(clock):
    told = []
    patiently(Calls(1, wait=42.0), options(clock), "It", told.append)
    assert clock.slept == [42.0]
    assert told == ["42.0 s, because it answered with HTTP 503"]


def test_all_tries_are_used_and_no_more(clock):
    calls = Calls(99)
    with pytest.raises(DataError, match=r"^It could not be fetched: it answered with HTTP 503, after 3 tries\."):
        patiently(calls, options(clock, tries=3), "It")
    assert (calls.made, len(clock.slept)) == (3, 2)


def test_one_try_is_one_try(clock):
    with pytest.raises(DataError, match=r"after 1 try\. Nothing was kept; with cache="):
        patiently(Calls(99), options(clock, tries=1), "It")


def test_what_was_kept_is_said(clock, tmp_path):
    with pytest.raises(DataError, match="the same call goes on from there"):
        patiently(Calls(99), options(clock, tries=2, cache=tmp_path), "It")


def test_a_wait_that_is_too_long_ends_the_fetch_with_the_time(clock):
    calls = Calls(1, wait=7200.0)
    with pytest.raises(DataError, match=r"asks to wait 7,200 s, .* Try again after 2024-03-08 17:30 UTC"):
        patiently(calls, options(clock), "It")
    assert (calls.made, clock.slept) == (1, [])


def test_other_errors_are_not_tried_again(clock):
    calls = []

    def call() -> None:
        calls.append(1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        patiently(call, options(clock), "It")
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0), ("soon", None), (None, None)],
)
def test_retry_after(given, seconds):
    assert retry_after({} if given is None else {"Retry-After": given}, now=100.0) == seconds


def test_no_headers_ask_for_no_wait():
    assert retry_after(None, now=0.0) is None
