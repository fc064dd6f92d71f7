"""How fast one core reads and copies memory here: no pass over data can be faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from measuring import emit

BYTES = 2**28  # far more than any cache holds
TRIES = 7


def main() -> None:
    numbers = np.ones(BYTES // 8)
    target = np.empty_like(numbers)
    read, copied = BYTES / 1e9 / _best(numbers.sum), 2 * BYTES / 1e9 / _best(np.copyto, target, numbers)
    emit({"read_gb_s": read, "copy_gb_s": copied}, "numpy")


def _best(work: Callable[..., Any], *arguments: Any) -> float:
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        work(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
