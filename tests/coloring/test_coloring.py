"""Colorings: known answers of the papers, then validity by definition on random patterns."""

from __future__ import annotations

import numpy as np
import oracles_coloring as oracle
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import patterns, symmetric_patterns

from sparsesolve.coloring import ORDERS, RECOVERIES, STRUCTURES, Coloring, check, color
from sparsesolve.coloring import orders as orders_module
from sparsesolve.coloring.graph import adjacency_graph, column_graph
from sparsesolve.coloring.orders import vertex_order
from sparsesolve.coloring.recover import prepare_recovery
from sparsesolve.errors import ColoringError
from sparsesolve.structure.pattern import Pattern

orders = pytest.mark.parametrize("order", ORDERS)
recoveries = pytest.mark.parametrize("recovery", RECOVERIES)


def band(n: int, half: int) -> Pattern:
    return Pattern.from_offsets((n, n), range(-half, half + 1))


def arrow(n: int) -> Pattern:
    k = np.arange(n)
    zero = np.zeros(n, dtype=int)
    return Pattern.from_coo((n, n), np.concatenate((zero, k, k)), np.concatenate((k, zero, k)))


def frame(m: int, n: int) -> Pattern:
    mask = np.ones((m, n))
    mask[1:-1, 1:-1] = 0
    return Pattern.from_dense(mask)


def convolution(image: int, kernel: int) -> Pattern:
    """Jacobian of a "valid" convolution of a square image by a square filter."""
    size = image - kernel + 1
    i, j, a, b = np.meshgrid(*map(np.arange, (size, size, kernel, kernel)), indexing="ij")
    shape = (size * size, image * image)
    return Pattern.from_coo(shape, i * size + j, (i + a) * image + j + b)


def permuted(p: Pattern, seed: int = 0) -> Pattern:
    order = np.random.default_rng(seed).permutation(p.shape[0])
    return Pattern.from_coo(p.shape, order[p.rows], order[p.indices])


WHAT_COLOR_41 = ["110000", "111011", "011100", "001101", "010010", "010101"]
WHAT_COLOR_61 = [
    "1100001000", "1110100000", "0111010000", "0011000001", "0100110100",
    "0010110010", "1000001100", "0000101110", "0000010111", "0001000011",
]  # fmt: skip


def from_figure(lines: list[str]) -> Pattern:
    return Pattern.from_dense([[int(mark) for mark in line] for line in lines])


# ----- Known answers -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1, 2, 3, 5, 10])
def test_star_and_acyclic_coloring_of_a_band(half: int) -> None:
    # "rho off-diagonals in total" is twice the half bandwidth
    p = band(200, half)
    star = color(p, structure="symmetric", order="natural")
    acyclic = color(p, structure="symmetric", order="natural", recovery="substitution")
    assert (star.ncolors, acyclic.ncolors) == (2 * half + 1, half + 1)


@pytest.mark.parametrize("half", [2, 5])
def test_columns_of_a_band(half: int) -> None:
    assert color(band(100, half), order="natural").ncolors == 2 * half + 1


@pytest.mark.slow_cases("100-10")
@pytest.mark.parametrize(("n", "half"), [(100, 10), (200, 20), (400, 40)])
def test_incidence_degree_is_optimal_on_a_permuted_band(n: int, half: int) -> None:
    p = permuted(band(n, half))
    found = color(p, structure="symmetric", order="incidence-degree", recovery="substitution")
    assert found.ncolors == half + 1


def test_figure_41_of_what_color_is_your_jacobian() -> None:
    p = from_figure(WHAT_COLOR_41)
    natural = color(p, structure="symmetric", order="natural")
    assert natural.colors.tolist() == [0, 1, 0, 2, 0, 0]
    assert color(p, structure="symmetric", order="largest-first").ncolors <= 4
    assert oracle.fewest_colors(p.to_dense(), oracle.is_star_coloring) == 3


def test_figure_61_of_what_color_is_your_jacobian() -> None:
    p = from_figure(WHAT_COLOR_61)
    assert color(p, structure="symmetric", order="best", recovery="substitution").ncolors == 3
    assert color(p, structure="symmetric", order="best").ncolors <= 5
    given_colors = np.array([1, 2, 1, 3, 1, 4, 3, 5, 1, 2])  # figure 1 of "Efficient computation"
    assert oracle.is_star_coloring(p.to_dense(), given_colors)
    assert prepare_recovery(Coloring.from_colors(p, given_colors, structure="symmetric"))


@orders
def test_arrowhead(order: str) -> None:
    p = arrow(10)
    assert color(p, structure="symmetric", order=order).ncolors == 2
    assert color(p, structure="rows", order=order).ncolors == 10
    assert color(p, structure="columns", order=order).ncolors == 10


def test_bidirectional_coloring_needs_few_colors_where_one_side_needs_many() -> None:
    direct = color(arrow(10), structure="bidirectional", order="best")
    assert (direct.nforward, direct.nreverse) in {(2, 1), (1, 2)}
    assert color(arrow(10), structure="bidirectional", recovery="substitution").ncolors <= 3
    assert color(frame(10, 20), structure="bidirectional", order="best").ncolors == 4
    assert color(frame(20, 10), structure="bidirectional", order="best").ncolors == 4


def test_small_bidirectional_answers() -> None:
    anti_diagonal = Pattern.from_dense(np.fliplr(np.eye(4)))
    assert color(anti_diagonal, structure="bidirectional").ncolors == 1
    cycle = Pattern.from_dense([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    assert color(cycle, structure="bidirectional").ncolors == 3


@pytest.mark.parametrize("order", ["natural", "largest-first", "best", "auto"])
@pytest.mark.parametrize("structure", ["columns", "rows"])
def test_convolution_takes_as_many_colors_as_the_filter_has_elements(
    structure: str, order: str
) -> None:
    p = convolution(28, 5)
    assert (p.shape, p.nnz) == ((576, 784), 576 * 25)
    assert color(p, structure=structure, order=order).ncolors == 25


def test_dense_and_diagonal() -> None:
    dense = Pattern.from_dense(np.ones((5, 7)))
    assert color(dense).ncolors == 7
    assert color(dense, structure="rows").ncolors == 5
    assert color(dense, structure="bidirectional", order="best").ncolors == 5
    diagonal = Pattern.from_offsets((6, 6), (0,))
    for structure in STRUCTURES:
        assert color(diagonal, structure=structure).ncolors == 1


def test_a_dense_row_does_not_square_the_work() -> None:
    # 30 000 columns in one row: nearly 1e9 steps, were the row scanned for each of its columns
    n = 30_000
    assert color(arrow(n), order="natural").ncolors == n
    assert color(arrow(n), structure="symmetric", order="natural").ncolors == 2
    acyclic = color(arrow(n), structure="symmetric", order="natural", recovery="substitution")
    assert acyclic.ncolors == 2


def test_bidirectional_coloring_gives_up_on_star_colorings_that_cannot_win() -> None:
    # the greedy star coloring of this one has a color for each column
    p = arrow(300)
    for order in ORDERS:
        assert color(p, structure="bidirectional", order=order).ncolors == 3


def brusselator(n: int) -> Pattern:
    """Two species on a periodic n x n grid: five-point stencil, and the other species."""
    cell = np.arange(n * n).reshape(n, n)
    neighbors = [cell, *(np.roll(cell, k, axis) for k in (1, -1) for axis in (0, 1))]
    same = [(cell + s * n * n, other + s * n * n) for s in (0, 1) for other in neighbors]
    cross = [(cell, cell + n * n), (cell + n * n, cell)]
    rows, columns = (np.concatenate([e[k].ravel() for e in same + cross]) for k in (0, 1))
    return Pattern.from_coo((2 * n * n, 2 * n * n), rows, columns)


@pytest.mark.parametrize(("n", "most"), [(6, 8), (12, 9), (24, 10), (32, 10), (48, 9)])
def test_recoloring_saves_colors_on_the_periodic_brusselator(n: int, most: int) -> None:
    p = brusselator(n)
    assert p.nnz == 12 * n * n
    found = color(p, order="best")
    assert found.ncolors <= most
    prepare_recovery(found)


def test_long_rows_are_left_out_of_the_orders_where_they_cost_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    p = arrow(40)
    monkeypatch.setattr(orders_module, "MAX_WORK", 200)
    trimmed = column_graph(p).without_long_lists(200)
    assert 0 < trimmed.work <= 200 < column_graph(p).work
    for order in ORDERS:
        assert sorted(vertex_order(column_graph(p), order).tolist()) == list(range(40))
        assert color(p, order=order).ncolors == 40


# ----- Properties ----------------------------------------------------------------------------


@orders
@settings(max_examples=15)
@given(p=patterns())
def test_columns_and_rows_are_valid(order: str, p: Pattern) -> None:
    columns = color(p, order=order)
    assert oracle.is_partial_coloring(p.to_dense(), columns.colors)
    assert check(p, columns) == ""
    assert columns.ncolors >= columns.lower_bound == p.to_dense().sum(axis=1).max(initial=0)
    rows = color(p, structure="rows", order=order)
    assert oracle.is_partial_coloring(p.to_dense().T, rows.colors)
    assert np.array_equal(rows.colors, color(p.T, order=order).colors)


@orders
@settings(max_examples=15)
@given(p=symmetric_patterns(max_side=7))
def test_star_colorings_are_valid(order: str, p: Pattern) -> None:
    diagonal = p.union(Pattern.from_offsets(p.shape, (0,)))
    found = color(diagonal, structure="symmetric", order=order)
    assert oracle.is_star_coloring(p.to_dense(), found.colors)
    assert oracle.is_directly_recoverable(found)
    assert oracle.is_directly_recoverable(color(p, structure="symmetric", order=order))


@orders
@settings(max_examples=15)
@given(p=symmetric_patterns(max_side=9))
def test_acyclic_colorings_are_valid(order: str, p: Pattern) -> None:
    diagonal = p.union(Pattern.from_offsets(p.shape, (0,)))
    found = color(diagonal, structure="symmetric", order=order, recovery="substitution")
    assert oracle.is_acyclic_coloring(p.to_dense(), found.colors)
    assert check(diagonal, found) == ""


@orders
@settings(max_examples=15)
@given(p=patterns())
def test_bidirectional_colorings_are_valid(order: str, p: Pattern) -> None:
    found = color(p, structure="bidirectional", order=order)
    assert oracle.is_directly_recoverable(found)
    assert check(p, found) == ""
    assert found.row_colors.max(initial=-1) < found.ncolors


@pytest.mark.slow
@settings(max_examples=20)
@given(p=symmetric_patterns(max_side=4))
def test_never_below_the_fewest_colors(p: Pattern) -> None:
    full = p.union(Pattern.from_offsets(p.shape, (0,)))
    mask = p.to_dense()
    star = color(full, structure="symmetric", order="best")
    acyclic = color(full, structure="symmetric", order="best", recovery="substitution")
    assert star.ncolors >= oracle.fewest_colors(mask, oracle.is_star_coloring)
    assert acyclic.ncolors >= oracle.fewest_colors(mask, oracle.is_acyclic_coloring)
    assert color(full, order="best").ncolors >= star.ncolors >= acyclic.ncolors


@settings(max_examples=15)
@given(p=patterns(), structure=st.sampled_from(STRUCTURES[:2]))
def test_best_is_the_best_and_repeats(p: Pattern, structure: str) -> None:
    best = color(p, structure=structure, order="best")
    assert best.ncolors <= min(color(p, structure=structure, order=o).ncolors for o in ORDERS)
    mask = p.to_dense() if structure == "columns" else p.to_dense().T
    assert oracle.is_partial_coloring(mask, best.colors)
    assert np.array_equal(best.colors, color(p, structure=structure, order="best").colors)


@orders
@settings(max_examples=15)
@given(p=patterns(square=True))
def test_orders_are_permutations(order: str, p: Pattern) -> None:
    for graph in (column_graph(p), adjacency_graph(p.union(p.T))):
        assert sorted(vertex_order(graph, order).tolist()) == list(range(graph.n))


def test_orders_do_what_their_names_say() -> None:
    # a path 0-1-2-3-4 with two more leaves at 1: degrees 1 4 2 2 1 1 1
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (1, 6)]
    i, j = np.array(edges).T
    p = Pattern.from_coo((7, 7), np.concatenate((i, j)), np.concatenate((j, i)))
    graph = adjacency_graph(p)
    assert vertex_order(graph, "natural").tolist() == list(range(7))
    assert vertex_order(graph, "largest-first").tolist() == [1, 2, 3, 0, 4, 5, 6]
    assert vertex_order(graph, "dynamic-largest-first").tolist()[:2] in ([1, 3], [1, 2])
    taken = vertex_order(graph, "incidence-degree").tolist()
    # in a tree each vertex after the first is next to exactly one already taken
    assert all(p.to_dense()[v, taken[:k]].sum() == 1 for k, v in enumerate(taken) if k)
    left = vertex_order(graph, "smallest-last").tolist()
    assert all(p.to_dense()[v, left[:k]].sum() <= 1 for k, v in enumerate(left))


# ----- The value, and what is refused --------------------------------------------------------


def test_groups_and_colors_of_both_sides() -> None:
    p = Pattern.from_dense([[1, 1, 0, 0], [0, 1, 0, 1]])
    columns = color(p, order="natural")
    assert columns.colors.tolist() == [0, 1, -1, 0]
    assert [group.tolist() for group in columns.groups] == [[0, 3], [1]]
    assert columns.row_colors.size == 0
    rows = color(p, structure="rows")
    assert [group.tolist() for group in rows.groups] == [[0], [1]]
    assert (rows.nforward, rows.nreverse, rows.column_colors.size) == (0, 2, 0)
    both = Coloring.from_colors(p, [5, 3, -1, 5, -1, 0], structure="bidirectional")
    assert both.colors.tolist() == [1, 0, -1, 1, -1, 2]
    assert (both.nforward, both.nreverse) == (2, 1)
    assert [group.tolist() for group in both.groups] == [[1], [0, 3], [1]]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (0, 4), (4, 0), (3, 5)])
def test_nothing_to_color(structure: str, shape: tuple[int, int]) -> None:
    if structure == "symmetric":
        shape = (shape[0], shape[0])
    found = color(Pattern.from_coo(shape, [], []), structure=structure)
    assert (found.ncolors, found.groups, found.lower_bound) == (0, (), 0)
    assert np.all(found.colors == -1)


def test_any_matrix_will_do() -> None:
    dense = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    for form in (dense, dense.tolist(), sp.csc_array(dense), sp.coo_matrix(dense)):
        assert color(form).colors.tolist() == [0, 1, 0]


def test_asymmetric_patterns_are_refused_for_symmetric_coloring() -> None:
    for mask in (np.triu(np.ones((3, 3))), np.ones((2, 3))):
        with pytest.raises(ColoringError, match="symmetric pattern"):
            color(mask, structure="symmetric")


@pytest.mark.parametrize(
    "wrong", [{"structure": "column"}, {"order": "biggest"}, {"recovery": "indirect"}]
)
def test_unknown_names_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        color(np.eye(2), **wrong)


def test_malformed_colorings_are_refused() -> None:
    p = Pattern.from_offsets((2, 3), (0,))
    with pytest.raises(ColoringError, match=r"shape \(3,\)"):
        Coloring(p, "columns", np.zeros(2, dtype=np.int32), 1)
    with pytest.raises(ColoringError, match=r"\[0, 1\)"):
        Coloring(p, "columns", np.array([0, 1, 2], dtype=np.int32), 1)
    with pytest.raises(ValueError, match="`structure`"):
        Coloring(p, "diagonals", np.zeros(3, dtype=np.int32), 1)


def test_repr() -> None:
    assert repr(color(band(9, 1), order="natural")) == (
        "Coloring(columns, direct, natural: 3 colors, at least 3, for 9 x 9, nnz=25)"
    )


@pytest.mark.slow
@pytest.mark.parametrize("half", [5, 10])
@pytest.mark.parametrize("n", [5_000, 20_000])
@recoveries
def test_large_bands(n: int, half: int, recovery: str) -> None:
    expected = 2 * half + 1 if recovery == "direct" else half + 1
    found = color(band(n, half), structure="symmetric", order="natural", recovery=recovery)
    assert found.ncolors == expected


def test_each_kernel_is_compiled_for_one_kind_of_arguments() -> None:
    """A second kind costs seconds at the first use on every machine."""
    from numba import config

    from sparsesolve.coloring import (
        order_kernels,
        partial_kernels,
        peel_kernels,
        symmetric_kernels,
    )

    if config.DISABLE_JIT:
        pytest.skip("nothing is compiled under NUMBA_DISABLE_JIT")
    p = band(6, 1)
    for structure in STRUCTURES:
        for recovery in RECOVERIES:
            prepare_recovery(color(p, structure=structure, recovery=recovery, order="best"))
    for module in (order_kernels, partial_kernels, peel_kernels, symmetric_kernels):
        for name in module.__all__:
            assert len(getattr(module, name).signatures) <= 1 + (name == "substitute"), name
