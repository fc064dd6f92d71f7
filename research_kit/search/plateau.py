"""Plateaus: what stands around each set, so that a lonely peak is told from a broad one."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np

from research_kit.bars.frame import FloatArray
from research_kit.search.space import ParameterSets

MOST_NEIGHBOURS = 3**4  # beyond four parameters only the neighbours along each axis are looked at
NEAREST = 8  # of sets that were drawn at random


def plateau_scores(sets: ParameterSets, values: FloatArray, *, is_grid: bool) -> FloatArray:
    """Return for each set the median of the values of its neighbourhood, itself included; shape (sets,).

    On a grid the neighbourhood are the sets whose every parameter is the same value, the one before or the one after
    it (with more than four parameters that vary: of which one parameter is). Of sets drawn at random it is the set and
    the eight nearest, each parameter measured by its rank. Sets without a value are left out; NaN where none has one.
    """
    moving = np.array([len(listed) > 1 for listed in sets.values.values()], dtype=np.bool_)
    codes = sets.ranks[moving]
    if not len(codes) or not len(values):
        return values.copy()
    return _on_grid(codes, values) if is_grid else _among_nearest(codes, values)


def _on_grid(codes: np.ndarray, values: FloatArray) -> FloatArray:
    axes, count = codes.shape
    shape = tuple(int(code.max()) + 3 for code in codes)  # a rim of one around the lattice
    if np.prod(shape, dtype=np.float64) > 64 * max(count, 1_000):
        return _among_nearest(codes, values)  # too thinly filled for a lattice
    lattice = np.full(shape, np.nan)
    places = tuple(code + 1 for code in codes)
    lattice[places] = values
    steps = list(product((-1, 0, 1), repeat=axes)) if 3**axes <= MOST_NEIGHBOURS else _along_axes(axes)
    around = np.stack([lattice[tuple(place + step for place, step in zip(places, way, strict=True))] for way in steps])
    return _median(around)


def _along_axes(axes: int) -> list[tuple[int, ...]]:
    ways = [(0,) * axes]
    for axis, step in product(range(axes), (-1, 1)):
        ways.append(tuple(step if at == axis else 0 for at in range(axes)))
    return ways


def _among_nearest(codes: np.ndarray, values: FloatArray) -> FloatArray:
    from scipy.spatial import cKDTree

    places = (codes / np.maximum(codes.max(axis=1, keepdims=True), 1)).T
    _, nearest = cKDTree(places).query(places, k=min(NEAREST + 1, len(values)))
    return _median(values[np.reshape(nearest, (len(values), -1))].T)


def _median(around: FloatArray) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN is NaN
        medians: FloatArray = np.nanmedian(around, axis=0)
    return medians
