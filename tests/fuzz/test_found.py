"""What the fuzzer found once is a test ever after; and a short run of it with fixed numbers."""

import importlib.util
import random
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("fuzz_readers", Path(__file__).with_name("fuzz_readers.py"))
fuzz = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize("path", sorted(fuzz.FOUND.glob("*.bin")), ids=lambda path: path.stem)
def test_what_was_found_once_makes_bars_or_a_sentence(path, tmp_path):
    options = fuzz.OPTIONS[int(path.stem.split("-")[-2])]
    assert fuzz.verdict(path.read_bytes(), options, tmp_path) in ("bars", "sentence")


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_of_every_layout_make_bars_or_a_sentence(seed, tmp_path):
    chance, starts = random.Random(seed), fuzz.seeds()
    outcomes = {fuzz.verdict(fuzz.damaged(start, starts, chance), fuzz.OPTIONS[2], tmp_path) for start in starts}
    assert outcomes == {"bars", "sentence"}


def test_undamaged_seeds_are_understood(tmp_path):
    for start in fuzz.seeds():
        answers = {fuzz.verdict(start, options, tmp_path) for options in fuzz.OPTIONS}
        assert "bars" in answers, start[:80]
