"""Histograms: sums of traced weights over constant cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from sparsesolve.errors import DataDependentBranch
from sparsesolve.trace.dispatch import implements
from sparsesolve.trace.operands import holds_boxes, operand
from sparsesolve.trace.sources import user_line

__all__: list[str] = []


def _refuse_traced(name: str, *values: Any) -> None:
    """Refuse data that move from cell to cell: the counts are steps."""
    if holds_boxes(list(values)):
        raise DataDependentBranch(
            "expected operations that do not depend on the order of the values, got "
            f"np.{name} of traced data or cells at {user_line()}: counts are steps. Trace the "
            "weights only, choose with np.where, or take smooth cells, such as differences of "
            "scipy.special.ndtr((edges - a) / width)."
        )


def _places(values: Any, edges: NDArray[Any]) -> NDArray[np.int64]:
    """Return the cell of each value; -1 outside. The last one is closed."""
    places: NDArray[np.int64] = np.searchsorted(edges, values, side="right") - 1
    places[values == edges[-1]] = len(edges) - 2
    places[(places < 0) | (places > len(edges) - 2)] = -1
    return places


def _sums(columns: Sequence[Any], edges: Sequence[Any], weights: Any) -> Any:
    """Sum up weights by cells of one or more variables."""
    shape = tuple(len(e) - 1 for e in edges)
    places = [_places(np.ravel(v), e) for v, e in zip(columns, edges, strict=True)]
    inside = np.all([p >= 0 for p in places], axis=0)
    cells = np.ravel_multi_index([p[inside] for p in places], shape)
    sums = np.bincount(
        cells, weights=anp.reshape(weights, (-1,))[inside], minlength=int(np.prod(shape))
    )
    return anp.reshape(sums, shape)


def _per_volume(sums: Any, edges: Sequence[Any]) -> Any:
    volume = np.ones(())
    for e in edges:
        volume = volume[..., None] * np.diff(e)
    return sums / volume / anp.sum(sums)


@implements(np.histogram)
def _histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    _refuse_traced("histogram", a, bins, range)
    values = np.ravel(a)
    edges = np.histogram_bin_edges(values, bins, range)
    sums = _sums([values], [edges], operand(weights))
    return (_per_volume(sums, [edges]) if density else sums), edges


@implements(np.histogram2d)
def _histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    _refuse_traced("histogram2d", x, y, bins, range)
    _, *edges = np.histogram2d(x, y, bins, range)
    sums = _sums([np.asarray(x), np.asarray(y)], edges, operand(weights))
    return (_per_volume(sums, edges) if density else sums), *edges


@implements(np.histogramdd)
def _histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> Any:
    _refuse_traced("histogramdd", sample, bins, range)
    _, edges = np.histogramdd(sample, bins, range)
    columns = np.asarray(sample).T if isinstance(sample, np.ndarray) else sample
    sums = _sums(list(columns), edges, operand(weights))
    return (_per_volume(sums, edges) if density else sums), edges
