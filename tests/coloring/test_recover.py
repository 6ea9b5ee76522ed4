"""Recovery: compress, recover, and get back the same numbers, for every kind of coloring."""

from __future__ import annotations

import numpy as np
import oracles_coloring as oracle
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import patterns, symmetric_patterns

from sparsesolve.coloring import ORDERS, RECOVERIES, STRUCTURES, Coloring, choose, color, recover
from sparsesolve.coloring.bound import lower_bound
from sparsesolve.coloring.recover import decompress, prepare_recovery
from sparsesolve.coloring.seeds import compress, forward_seeds, reverse_seeds, seed_chunks
from sparsesolve.errors import ColoringError, StructureMismatch
from sparsesolve.structure.pattern import Pattern

kinds = st.tuples(st.sampled_from(ORDERS), st.sampled_from(RECOVERIES))


@pytest.mark.every(2)
@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=60)
@given(data=st.data(), kind=kinds)
def test_recover_of_compress_is_the_matrix(structure: str, data: st.DataObject, kind) -> None:
    symmetric = structure == "symmetric"
    p = data.draw(symmetric_patterns() if symmetric else patterns())
    matrix = oracle.integer_matrix(p, symmetric=symmetric)
    coloring = color(p, structure=structure, order=kind[0], recovery=kind[1])
    recovery = prepare_recovery(coloring)
    blocks = compress(coloring, matrix)
    values = recovery.values(*blocks)
    assert np.array_equal(values, matrix[p.rows, p.indices])
    assert np.array_equal(recovery.matrix(*blocks).toarray(), matrix)
    if symmetric:
        low = recovery.lower_pattern
        assert np.array_equal(recovery.lower_values(blocks[0]), matrix[low.rows, low.indices])


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=25)
@given(data=st.data(), kind=kinds)
def test_one_product_at_a_time(structure: str, data: st.DataObject, kind) -> None:
    symmetric = structure == "symmetric"
    p = data.draw(symmetric_patterns() if symmetric else patterns())
    matrix = oracle.integer_matrix(p, symmetric=symmetric)
    coloring = color(p, structure=structure, order=kind[0], recovery=kind[1])
    recovery = prepare_recovery(coloring)
    out = np.full(p.nnz, np.nan)
    for c, members in reversed(list(enumerate(coloring.groups))):
        forward = c < coloring.nforward
        product = matrix[:, members].sum(axis=1) if forward else matrix[members].sum(axis=0)
        recovery.product_into(out, c, product)
    recovery.finish_into(out)
    assert np.array_equal(out, matrix[p.rows, p.indices])


def test_the_tutorial_matrix() -> None:
    # columns 0, 1, 3 share a color, 2 and 4 another; so the values can be read off by eye
    matrix = np.array(
        [[0, 0, 4, 6, 0, 9], [1, 0, 0, 0, 7, 0], [0, 2, 0, 0, 8, 0], [0, 3, 5, 0, 0, 0]],
        dtype=float,
    )
    coloring = color(matrix, order="natural")
    assert coloring.colors.tolist() == [0, 0, 1, 0, 1, 2]
    forward, _ = compress(coloring, matrix)
    assert forward.tolist() == [[6, 4, 9], [1, 7, 0], [2, 8, 0], [3, 5, 0]]
    values = prepare_recovery(coloring).values(forward)
    assert values.tolist() == [4, 6, 9, 1, 7, 2, 8, 3, 5]


@pytest.mark.parametrize("recovery", RECOVERIES)
def test_values_are_recovered_to_rounding(recovery: str, rng: np.random.Generator) -> None:
    n = 400
    p = Pattern.from_offsets((n, n), (-20, -1, 0, 1, 20))
    matrix = sp.csr_array(p.to_scipy(rng.standard_normal(p.nnz)))
    matrix = sp.csr_array(matrix + matrix.T)
    coloring = color(p, structure="symmetric", recovery=recovery)
    found = prepare_recovery(coloring).matrix(compress(coloring, matrix)[0])
    assert abs(found - matrix).max() < 1e-12


def test_long_chains_of_substitutions() -> None:
    # two colors leave one path through all vertices, solved from both ends to the middle
    n = 3000
    p = Pattern.from_offsets((n, n), (-1, 0, 1))
    matrix = p.to_scipy(np.ones(p.nnz))
    coloring = color(p, structure="symmetric", order="natural", recovery="substitution")
    assert coloring.ncolors == 2
    recovery = prepare_recovery(coloring)
    assert recovery.steps.size == n - 3
    assert np.array_equal(recovery.values(compress(coloring, matrix)[0]), np.ones(p.nnz))


@settings(max_examples=40)
@given(p=patterns(), seed=st.integers(0, 99), structure=st.sampled_from(STRUCTURES))
def test_any_colors_are_recovered_exactly_or_refused(p: Pattern, seed: int, structure: str) -> None:
    """Random colors are mostly invalid: they must be refused, or must give the right numbers."""
    symmetric = structure == "symmetric"
    if symmetric:
        k = min(p.shape)
        p = Pattern.from_dense(p.to_dense()[:k, :k])
        p = p.union(p.T)
    m, n = p.shape
    size = {"columns": n, "rows": m, "symmetric": n, "bidirectional": n + m}[structure]
    colors = np.random.default_rng(seed).integers(-1, 4, size)
    coloring = Coloring.from_colors(p, colors, structure=structure)
    direct = oracle.is_directly_recoverable(coloring)
    try:
        recovery = prepare_recovery(coloring)
    except ColoringError:
        assert not direct
        return
    assert direct
    matrix = oracle.integer_matrix(p, symmetric=symmetric)
    assert np.array_equal(recovery.values(*compress(coloring, matrix)), matrix[p.rows, p.indices])


def test_an_invalid_coloring_is_refused() -> None:
    dense = Pattern.from_dense(np.ones((3, 3)))
    with pytest.raises(ColoringError, match="cannot be told apart"):
        prepare_recovery(Coloring.from_colors(dense, [0, 0, 1]))
    band = Pattern.from_offsets((6, 6), (-1, 0, 1))
    two = Coloring.from_colors(band, [0, 1, 0, 1, 0, 1], structure="symmetric")
    with pytest.raises(ColoringError, match="need a substitution"):
        prepare_recovery(two)


def test_a_column_with_entries_must_have_a_color() -> None:
    with pytest.raises(ColoringError, match="1 of 3 nonzeros"):
        prepare_recovery(Coloring.from_colors(Pattern.from_offsets((3, 3), (0,)), [0, -1, 0]))


def test_seeds_are_the_sums_of_unit_vectors() -> None:
    p = Pattern.from_dense([[1, 1, 0, 0], [0, 1, 0, 1]])
    assert forward_seeds(color(p, order="natural")).T.tolist() == [[1, 0, 0, 1], [0, 1, 0, 0]]
    rows = color(p, structure="rows")
    assert reverse_seeds(rows).tolist() == [[1, 0], [0, 1]]
    assert forward_seeds(rows).shape == (4, 0)


@given(p=patterns(), size=st.integers(1, 4))
def test_chunks_of_seeds(p: Pattern, size: int) -> None:
    coloring = color(p, structure="bidirectional")
    for reverse, seeds in ((False, forward_seeds(coloring)), (True, reverse_seeds(coloring))):
        chunks = list(seed_chunks(coloring, size, reverse=reverse))
        assert all(block.shape[1] == last - first <= size for first, last, block in chunks)
        joined = np.hstack([seeds[:, :0], *(block for _, _, block in chunks)])
        assert np.array_equal(joined, seeds)


def test_ranges_of_seeds_are_checked() -> None:
    coloring = color(np.eye(3))
    with pytest.raises(ValueError, match="first <= last"):
        forward_seeds(coloring, 0, 2)
    with pytest.raises(ValueError, match="at least 1"):
        list(seed_chunks(coloring, 0))


def test_results_go_into_given_arrays_and_keep_the_type() -> None:
    p = Pattern.from_offsets((5, 5), (-1, 0, 1))
    for structure in STRUCTURES:
        coloring = color(p, structure=structure)
        recovery = prepare_recovery(coloring)
        matrix = p.to_dense() * (2.0 + 1.0j)
        out = np.empty(p.nnz, dtype=complex)
        found = recovery.values(*compress(coloring, matrix), out=out)
        assert found is out
        assert np.all(out == 2.0 + 1.0j)


@pytest.mark.parametrize("order", ["C", "F"])
def test_either_memory_order_of_products(order: str) -> None:
    p = Pattern.from_offsets((6, 8), (0, 1, 2))
    matrix = oracle.integer_matrix(p)
    coloring = color(p)
    forward = np.array(compress(coloring, matrix)[0], order=order)
    assert np.array_equal(prepare_recovery(coloring).matrix(forward).toarray(), matrix)


def test_wrong_shapes_are_refused() -> None:
    coloring = color(Pattern.from_offsets((4, 6), (0, 1)))
    recovery = prepare_recovery(coloring)
    for block in (None, np.zeros((4, 3)), np.zeros((6, 2)), np.zeros(8)):
        with pytest.raises(StructureMismatch, match=r"`forward` must have shape \(4, 2\)"):
            recovery.values(block)
    with pytest.raises(StructureMismatch, match="lower triangle"):
        recovery.lower_values(np.zeros((4, 2)))
    with pytest.raises(StructureMismatch, match="`matrix` must have shape"):
        compress(coloring, np.zeros((6, 4)))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("size", [0, 1])
def test_sizes_zero_and_one(structure: str, size: int) -> None:
    matrix = np.full((size, size), 3.0)
    coloring = color(matrix, structure=structure)
    assert np.array_equal(
        prepare_recovery(coloring).matrix(*compress(coloring, matrix)).toarray(), matrix
    )


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=25)
@given(data=st.data(), kind=kinds, format=st.sampled_from(("csr", "csc")))
def test_matrices_of_either_format_in_place(
    structure: str, data: st.DataObject, kind, format: str
) -> None:
    symmetric = structure == "symmetric"
    p = data.draw(symmetric_patterns() if symmetric else patterns())
    matrix = oracle.integer_matrix(p, symmetric=symmetric)
    coloring = color(p, structure=structure, order=kind[0], recovery=kind[1])
    blocks = compress(coloring, matrix)
    made = decompress(coloring, *blocks, format=format)
    assert made.format == format
    assert np.array_equal(made.toarray(), matrix)
    made.data[:] = np.nan
    assert decompress(prepare_recovery(coloring), *blocks, out=made) is made
    assert np.array_equal(made.toarray(), matrix)
    if symmetric:
        low = decompress(coloring, *blocks, format=format, lower=True)
        assert np.array_equal(low.toarray(), np.tril(matrix))
        low.data[:] = np.nan
        decompress(coloring, *blocks, out=low)
        assert np.array_equal(low.toarray(), np.tril(matrix))


def test_matrices_of_another_pattern_are_not_overwritten() -> None:
    p = Pattern.from_offsets((4, 4), (-1, 0, 1))
    coloring = color(p)
    blocks = compress(coloring, p.to_dense() * 1.0)
    for wrong in (
        sp.csr_array(np.eye(4)),
        sp.csr_array(np.tri(4)[:, ::-1]),
        p.to_scipy().tocoo(),
        Pattern.from_offsets((4, 5), (-1, 0, 1)).to_scipy(),
    ):
        with pytest.raises(StructureMismatch, match="`out` must be"):
            decompress(coloring, *blocks, out=wrong)
    with pytest.raises(ValueError, match="`format`"):
        decompress(coloring, *blocks, format="coo")
    with pytest.raises(StructureMismatch, match="lower triangle"):
        decompress(coloring, *blocks, lower=True)


@pytest.mark.parametrize("structure", ["columns", "rows", "symmetric"])
def test_full_blocks_need_no_graph(monkeypatch: pytest.MonkeyPatch, structure: str) -> None:
    # lines 1 and 4 are empty: a full block between others
    lines = np.array([0, 2, 3, 5])
    matrix = np.zeros((6, 6))
    block = np.random.default_rng(0).normal(size=(4, 4))
    matrix[np.ix_(lines, lines)] = block + block.T
    for name in ("column_graph", "adjacency_graph"):
        monkeypatch.setattr(choose, name, lambda _: pytest.fail("a graph was made"))
    monkeypatch.setattr(recover, "sums_of", lambda _: pytest.fail("sums were looked for"))
    coloring = color(matrix, structure=structure)
    assert coloring.ncolors == coloring.lower_bound == 4
    assert np.flatnonzero(coloring.colors < 0).tolist() == [1, 4]
    recovery = prepare_recovery(coloring)
    forward = matrix @ forward_seeds(coloring) if coloring.nforward else None
    reverse = matrix.T @ reverse_seeds(coloring) if coloring.nreverse else None
    assert np.array_equal(recovery.values(forward, reverse), matrix[matrix != 0])


def test_a_full_part_bounds_symmetric_colors() -> None:
    mask = np.eye(9, dtype=bool)
    mask[:5, :5] = True
    assert lower_bound(Pattern.from_dense(mask), "symmetric") == 5
