"""Pages: put together in order, each row once, and kept until the fetch is whole."""

import os
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research_kit.errors import StoreError
from research_kit.sources.fetching import FetchOptions
from research_kit.sources.pages import FORGOTTEN_AFTER, Page, PageCache, collect

REQUEST = {"symbol": "BTC/USDT", "timeframe": "1h"}


def rows(*times: int) -> np.ndarray:
    return np.array([[float(at), at / 10] for at in times]).reshape(-1, 2)


def cache_in(folder, request=REQUEST, max_age=3600.0, **options) -> PageCache:
    return PageCache(request, FetchOptions(cache=folder, **options), width=2, max_age=max_age)


def stepwise(asked: list[int], stop_at: int | None = None):
    """Return a page of ten rows for each time; asking beyond a time is an interruption."""

    def page(cursor: int) -> Page:
        if stop_at is not None and cursor >= stop_at:
            raise KeyboardInterrupt
        asked.append(cursor)
        return Page(rows(*range(cursor, cursor + 10)), cursor + 10)

    return page


def untold(*_: int) -> None:
    return None


def test_pages_follow_each_other():
    told = []
    found = collect(stepwise([]), 0, 25, cache_in(None), lambda *state: told.append(state))
    assert found[:, 0].tolist() == list(range(25))
    assert told == [(10, 10), (20, 20), (30, 25)]


def test_rows_at_the_borders_are_taken_once_and_the_last_of_a_time_counts():
    pages = {0: Page(rows(3, 1, 2), 4), 4: Page(np.array([[3.0, 9.0], [4.0, 1.0], [4.0, 2.0], [5.0, 3.0]]), 6)}
    found = collect(pages.__getitem__, 0, 6, cache_in(None), untold)
    assert found.tolist() == [[1, 0.1], [2, 0.2], [3, 0.3], [4, 2.0], [5, 3.0]]


def test_empty_pages_and_holes_are_passed():
    pages = {0: Page(rows(1), 2), 2: Page(rows(), 10), 10: Page(rows(17), 18), 18: Page(rows(), 30)}
    assert collect(pages.__getitem__, 0, 30, cache_in(None), untold)[:, 0].tolist() == [1, 17]


def test_a_page_that_does_not_go_on_ends_nevertheless():
    assert len(collect(lambda at: Page(rows(), at), 0, 50, cache_in(None), untold)) == 0


@settings(deadline=None)
@given(st.sets(st.integers(0, 199)), st.integers(1, 40), st.integers(0, 3))
def test_any_server_gives_every_bar_once(times, most, before):
    """A server that gives up to ``most`` bars from a time on, with some that lie before it."""

    def page(cursor: int) -> Page:
        newer = sorted(at for at in times if at >= cursor)[:most]
        older = sorted(at for at in times if at < cursor)[-before:] if before else []
        return Page(rows(*newer, *older), newer[-1] + 1 if newer else cursor + most)

    assert collect(page, 0, 200, cache_in(None), untold)[:, 0].tolist() == sorted(times)


def test_an_interrupted_fetch_goes_on_where_it_ended(tmp_path):
    asked: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        collect(stepwise(asked, stop_at=30), 0, 50, cache_in(tmp_path), untold)
    assert asked == [0, 10, 20]
    asked.clear()
    found = collect(stepwise(asked), 0, 50, cache_in(tmp_path), untold)
    assert asked == [30, 40]
    assert found[:, 0].tolist() == list(range(50))


def test_nothing_stays_after_a_whole_fetch(tmp_path):
    collect(stepwise([]), 0, 50, cache_in(tmp_path), untold)
    assert list(tmp_path.rglob("*")) == []


def test_the_last_page_is_never_kept(tmp_path):
    """It may hold a bar that had not ended; the same call, made later, must ask again."""

    def tell(reached: int, _: int) -> None:
        if reached >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(stepwise([]), 0, 20, cache_in(tmp_path), tell)
    assert [path.name for path in tmp_path.rglob("*.npy")] == ["page-0-10.npy"]


def test_a_damaged_page_is_asked_for_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        collect(stepwise([], stop_at=30), 0, 50, cache_in(tmp_path), untold)
    whole, cut, other = sorted(tmp_path.rglob("*.npy"))
    cut.write_bytes(cut.read_bytes()[:100])
    np.save(other, np.zeros((3, 5)))
    asked: list[int] = []
    assert len(collect(stepwise(asked), 0, 50, cache_in(tmp_path), untold)) == 50
    assert whole.name == "page-0-10.npy"
    assert asked == [10, 20, 30, 40]


def test_an_old_page_is_asked_for_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        collect(stepwise([], stop_at=30), 0, 50, cache_in(tmp_path), untold)
    asked: list[int] = []
    later = cache_in(tmp_path, max_age=60.0, now=lambda: time.time() + 61.0)
    collect(stepwise(asked), 0, 50, later, untold)
    assert asked == [0, 10, 20, 30, 40]


def test_a_page_is_no_pickle(tmp_path):
    cache = cache_in(tmp_path)
    cache.write(0, Page(rows(1), 2))
    np.save(next(tmp_path.rglob("*.npy")), np.array([[print, print]], dtype=object), allow_pickle=True)
    assert cache.read(0) is None


def test_other_requests_and_settings_have_other_pages(tmp_path):
    folders = {
        cache_in(tmp_path).folder,
        cache_in(tmp_path, {**REQUEST, "symbol": "BTC-USDT"}).folder,
        cache_in(tmp_path, {**REQUEST, "first": 3}).folder,
        cache_in(tmp_path, settings={"urls": "elsewhere"}).folder,
    }
    assert len(folders) == 4
    assert cache_in(tmp_path, settings={"apiKey": "secret"}).folder.name.count("secret") == 0


@pytest.mark.parametrize("symbol", ["../../x", "/etc/passwd", "CON", "", "a\0b", "x" * 500, "БТК"])
def test_no_symbol_leaves_the_folder(tmp_path, symbol):
    cache = cache_in(tmp_path, {"symbol": symbol})
    cache.write(0, Page(rows(1), 2))
    assert cache.read(0).following == 2
    assert cache.folder.resolve().parent == tmp_path.resolve()


def test_pages_that_nobody_took_up_again_are_removed(tmp_path):
    old = cache_in(tmp_path, {"symbol": "OLD"})
    old.write(0, Page(rows(1), 2))
    long_ago = time.time() - FORGOTTEN_AFTER - 10
    os.utime(old.folder, (long_ago, long_ago))
    (tmp_path / "else").mkdir()
    cache_in(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["else"]


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match=r"could not be written: .*What came so far is kept\."):
        cache_in(tmp_path / "file").write(0, Page(rows(1), 2))
