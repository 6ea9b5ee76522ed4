"""The search for few colors, colors that are given, parts of a pattern, and lower bounds."""

from __future__ import annotations

import numpy as np
import oracles_coloring as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import patterns, symmetric_patterns

from benchmarks.coloring_patterns import preferential
from sparsesolve.coloring import ORDERS, RECOVERIES, SEARCHES, STRUCTURES, Coloring, color
from sparsesolve.coloring import search as search_module
from sparsesolve.coloring.bound import lower_bound
from sparsesolve.coloring.graph import adjacency_graph
from sparsesolve.coloring.orders import vertex_order
from sparsesolve.coloring.recover import prepare_recovery
from sparsesolve.coloring.seeds import compress
from sparsesolve.errors import ColoringError, PatternError
from sparsesolve.structure.pattern import Pattern

structures = pytest.mark.parametrize("structure", STRUCTURES)


def stencil(side: int) -> Pattern:
    """Five-point stencil on a square grid, periodic."""
    cell = np.arange(side * side).reshape(side, side)
    others = [cell, *(np.roll(cell, k, axis) for k in (1, -1) for axis in (0, 1))]
    rows = np.concatenate([cell.ravel()] * 5)
    return Pattern.from_coo((cell.size,) * 2, rows, np.concatenate([o.ravel() for o in others]))


def permuted_band(n: int, half: int) -> Pattern:
    order = np.random.default_rng(0).permutation(n)
    band = Pattern.from_offsets((n, n), range(-half, half + 1))
    return Pattern.from_coo((n, n), order[band.rows], order[band.indices])


def drawn(data: st.DataObject, structure: str) -> Pattern:
    return data.draw(symmetric_patterns() if structure == "symmetric" else patterns())


# ----- Orders and searches -------------------------------------------------------------------


@pytest.mark.every(4)
@structures
@pytest.mark.parametrize("order", [*ORDERS, *SEARCHES])
@settings(max_examples=8)
@given(data=st.data(), recovery=st.sampled_from(RECOVERIES))
def test_every_order_is_recovered_exactly(
    order: str, structure: str, data: st.DataObject, recovery: str
) -> None:
    p = drawn(data, structure)
    found = color(p, structure=structure, order=order, recovery=recovery, budget=0.001)
    matrix = oracle.integer_matrix(p, symmetric=structure == "symmetric")
    values = prepare_recovery(found).values(*compress(found, matrix))
    assert np.array_equal(values, matrix[p.rows, p.indices])
    assert found.lower_bound <= found.ncolors
    if recovery == "direct":
        assert oracle.is_directly_recoverable(found)


@pytest.mark.parametrize("order", ["perfect-elimination", "incidence-degree", "saturation"])
@pytest.mark.parametrize(("n", "half"), [(100, 10), (200, 20), (400, 40)])
def test_orders_that_are_optimal_on_chordal_graphs(n: int, half: int, order: str) -> None:
    p = permuted_band(n, half)
    found = color(p, structure="symmetric", order=order, recovery="substitution")
    assert found.ncolors == half + 1


@settings(max_examples=30)
@given(p=symmetric_patterns(max_side=9), shuffled=st.booleans(), seed=st.integers(0, 9))
def test_dynamic_orders_follow_their_definitions(p: Pattern, shuffled: bool, seed: int) -> None:
    graph = adjacency_graph(p)
    mask = p.to_dense() & ~np.eye(p.shape[0], dtype=bool)

    def order(name: str) -> list[int]:
        return vertex_order(graph, name, seed, shuffled=shuffled).tolist()

    def extreme(taken: list[int], count, pick) -> bool:
        for k, v in enumerate(taken):
            left = taken[k:]
            if count(v, taken[:k], left) != pick(count(u, taken[:k], left) for u in left):
                return False
        return True

    among_left = lambda v, done, left: mask[v, left].sum()
    among_done = lambda v, done, left: mask[v, done].sum()
    assert extreme(order("smallest-last")[::-1], among_left, min)
    assert extreme(order("dynamic-largest-first"), among_left, max)
    assert extreme(order("incidence-degree"), among_done, max)
    assert extreme(order("largest-first"), lambda v, done, left: mask[v].sum(), max)


@settings(max_examples=40)
@given(p=symmetric_patterns(max_side=8))
def test_perfect_elimination_is_optimal_where_the_graph_is_chordal(p: Pattern) -> None:
    graph = adjacency_graph(p)
    mask = p.to_dense() & ~np.eye(p.shape[0], dtype=bool)
    taken = vertex_order(graph, "perfect-elimination")
    rank = np.argsort(taken)
    # chordal if and only if the neighbors taken before a vertex are neighbors of each other
    perfect = all(
        mask[i, j]
        for v in taken
        for i in np.flatnonzero(mask[v] & (rank < rank[v]))
        for j in np.flatnonzero(mask[v] & (rank < rank[v]))
        if i != j
    )
    assert perfect == is_chordal(mask)


def is_chordal(mask: np.ndarray) -> bool:
    """Eliminate vertices whose neighbors are all neighbors of each other, as long as there are."""
    left = set(range(mask.shape[0]))
    while left:
        for v in left:
            near = [u for u in left if mask[v, u]]
            if all(mask[a, b] for a in near for b in near if a != b):
                left.remove(v)
                break
        else:
            return False
    return True


def test_saturation_takes_the_vertex_with_most_colors_around() -> None:
    # a wheel with an even rim needs three colors, which first fit in natural order misses
    rim = [(k, (k + 1) % 6) for k in range(6)] + [(k, 6) for k in range(6)]
    i, j = np.array(rim).T
    p = Pattern.from_coo((7, 7), np.concatenate((i, j)), np.concatenate((j, i)))
    order = vertex_order(adjacency_graph(p), "saturation")
    assert order[0] == 6  # the hub, of highest degree
    colors: dict[int, int] = {}
    for v in order.tolist():
        around = {colors[u] for u in np.flatnonzero(p.to_dense()[v]).tolist() if u in colors}
        colors[v] = min(set(range(7)) - around)
    assert max(colors.values()) == 2


def test_saturation_counts_more_than_64_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparsesolve.coloring import orders

    p = Pattern.from_dense(np.ones((3, 150)))
    assert color(p, order="saturation").ncolors == 150
    monkeypatch.setattr(orders, "MAX_WORDS", 200)  # room for 64 colors only
    assert color(p, order="saturation").ncolors == 150


def test_random_depends_on_the_seed_alone() -> None:
    p = stencil(8)
    first = color(p, order="random", seed=3)
    assert np.array_equal(first.colors, color(p, order="random", seed=3).colors)
    assert not np.array_equal(first.colors, color(p, order="random", seed=4).colors)


@pytest.mark.parametrize(("side", "most"), [(6, 8), (12, 8), (24, 10), (32, 10), (48, 9)])
def test_the_default_on_the_periodic_brusselator(side: int, most: int) -> None:
    one = stencil(side).to_scipy().tocoo()
    n = side * side
    i = np.concatenate((one.row, one.row + n, np.arange(n), np.arange(n) + n))
    j = np.concatenate((one.col, one.col + n, np.arange(n) + n, np.arange(n)))
    assert color(Pattern.from_coo((2 * n, 2 * n), i, j)).ncolors <= most


@structures
@settings(max_examples=10)
@given(data=st.data())
def test_searches_repeat(structure: str, data: st.DataObject) -> None:
    p = drawn(data, structure)
    for order in ("auto", "iterated-greedy"):
        first = color(p, structure=structure, order=order, budget=0.001)
        again = color(p, structure=structure, order=order, budget=0.001)
        assert np.array_equal(first.colors, again.colors)


def test_a_search_costs_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    real = search_module.ColoringTask.finished

    def counted(task: search_module.ColoringTask, colors: np.ndarray) -> Coloring:
        tried.append(task.graph.work)
        return real(task, colors)

    monkeypatch.setattr(search_module.ColoringTask, "finished", counted)
    p = stencil(12)
    assert color(p, budget=0.0).order == "natural"
    assert len(tried) == 1
    for seconds in (0.001, 0.004):
        tried.clear()
        color(p, budget=seconds)
        steps = sum(search_module.TRY_STEPS["columns"] + work for work in tried[1:])
        assert steps <= seconds * search_module.STEPS_A_SECOND
    tried.clear()
    diagonal = Pattern.from_offsets((50, 50), (0,))
    assert color(diagonal).ncolors == 1
    assert len(tried) == 1  # one color cannot be beaten


def test_what_is_saved_bounds_the_default_search() -> None:
    p = stencil(12)
    found = color(p, budget=0.0)
    budget = search_module.Budget(p, None)
    while budget.allows(1000, found):
        pass
    saved = found.ncolors - found.lower_bound
    evaluation = search_module.CALL_STEPS + p.nnz + sum(p.shape)
    assert 0 < budget.spent <= search_module.REUSES * saved * evaluation
    assert budget.spent <= search_module.MOST_STEPS


# ----- Lower bounds --------------------------------------------------------------------------


@pytest.mark.parametrize("half", [1, 3, 5])
def test_the_bound_of_a_band_is_its_acyclic_chromatic_number(half: int) -> None:
    band = Pattern.from_offsets((100, 100), range(-half, half + 1))
    assert lower_bound(band, "symmetric") == half + 1
    assert lower_bound(band, "columns") == lower_bound(band, "bidirectional") == 2 * half + 1


def test_a_dense_part_raises_the_bound() -> None:
    mask = np.eye(200, dtype=bool)
    mask[:20, :20] = True
    assert lower_bound(Pattern.from_dense(mask), "symmetric") >= 10


@pytest.mark.every(4)
@structures
@settings(max_examples=25)
@given(data=st.data())
def test_no_coloring_that_can_be_recovered_goes_below_the_bound(
    structure: str, data: st.DataObject
) -> None:
    p = drawn(data, structure)
    if structure == "symmetric":
        p = Pattern.from_dense(p.to_dense()[:5, :5])
    elif structure == "bidirectional":
        p = Pattern.from_dense(p.to_dense()[:3, :3])
    m, n = p.shape
    size = {"columns": n, "rows": m, "symmetric": n, "bidirectional": n + m}[structure]
    rng = np.random.default_rng(0)
    for _ in range(60):
        colors = rng.integers(-1, 3, size)
        given_colors = Coloring.from_colors(p, colors, structure=structure, recovery="substitution")
        try:
            prepare_recovery(given_colors)
        except ColoringError:
            continue
        assert given_colors.ncolors >= lower_bound(p, structure)


# ----- Colors that are given -----------------------------------------------------------------


@pytest.mark.parametrize("structure", ["columns", "rows", "symmetric"])
@settings(max_examples=25)
@given(data=st.data(), recovery=st.sampled_from(RECOVERIES))
def test_forced_colors_are_kept_or_refused(
    structure: str, data: st.DataObject, recovery: str
) -> None:
    p = drawn(data, structure)
    if structure == "symmetric":
        p = p.union(Pattern.from_offsets(p.shape, (0,)))
    n = p.shape[0] if structure == "rows" else p.shape[1]
    forced = np.random.default_rng(p.nnz).integers(-2, 3, n).clip(-1)
    try:
        found = color(p, structure=structure, forced=forced, recovery=recovery)
    except ColoringError:
        only = np.flatnonzero(forced >= 0)
        axes = {"columns": (None, only), "rows": (only, None), "symmetric": (only, only)}
        part = p.restrict(*axes[structure])
        bad = Coloring.from_colors(part, forced, structure=structure, recovery=recovery)
        with pytest.raises(ColoringError):
            prepare_recovery(bad)
        return
    prepare_recovery(found)
    for c in range(3):
        members = found.colors[forced == c]
        assert np.unique(members[members >= 0]).size <= 1
    kept = found.colors[(forced >= 0) & (found.colors >= 0)]
    names = forced[(forced >= 0) & (found.colors >= 0)]
    assert np.unique(kept).size == np.unique(names).size


def test_forced_colors_fill_up_with_the_rest() -> None:
    p = Pattern.from_offsets((6, 6), (-1, 0, 1))
    found = color(p, forced=[-1, 7, -1, -1, 7, -1])
    assert found.ncolors == 3
    assert found.colors[1] == found.colors[4]


def test_forced_colors_that_cannot_be_are_refused() -> None:
    p = Pattern.from_offsets((4, 4), (-1, 0, 1))
    with pytest.raises(ColoringError, match="forced colors cannot stand together"):
        color(p, forced=[0, 0, -1, -1])
    with pytest.raises(ColoringError, match=r"integers of shape \(4,\)"):
        color(p, forced=[0, 1])
    with pytest.raises(ColoringError, match="float64"):
        color(p, forced=np.zeros(4))
    with pytest.raises(ValueError, match="'bidirectional'"):
        color(p, forced=[0, 1, 2, 0], structure="bidirectional")


# ----- Parts of a pattern --------------------------------------------------------------------


@structures
@settings(max_examples=20)
@given(data=st.data(), recovery=st.sampled_from(RECOVERIES))
def test_only_what_is_wanted_is_evaluated(
    structure: str, data: st.DataObject, recovery: str
) -> None:
    p = drawn(data, structure)
    rng = np.random.default_rng(p.nnz)
    rows, columns = (rng.random(size) < 0.6 for size in p.shape)
    if structure == "symmetric":
        columns = rows
    part = p.restrict(rows, columns)
    found = color(part, structure=structure, recovery=recovery)
    whole = oracle.integer_matrix(p, symmetric=structure == "symmetric")
    values = prepare_recovery(found).values(*compress(found, whole))
    assert np.array_equal(values, whole[part.rows, part.indices])
    assert np.all(found.column_colors[~columns[: found.column_colors.size]] == -1)
    assert np.all(found.row_colors[~rows[: found.row_colors.size]] == -1)


def test_some_rows_take_fewer_colors_than_all() -> None:
    arrow = np.eye(10)
    arrow[0] = arrow[:, 0] = 1
    assert color(arrow).ncolors == 10
    assert color(Pattern.of(arrow).restrict(rows=range(1, 10))).ncolors == 2
    assert color(Pattern.of(arrow).restrict(columns=[0, 3])).ncolors == 2


def test_restrict_takes_indices_and_masks() -> None:
    p = Pattern.from_dense(np.ones((3, 4)))
    by_index = p.restrict([0, -1], [1])
    assert by_index == p.restrict(np.array([True, False, True]), np.array([0, 1, 0, 0], dtype=bool))
    assert by_index.nnz == 2
    assert p.restrict(rows=[]).nnz == 0
    assert p.restrict() == p
    with pytest.raises(PatternError, match="`rows` must be integers"):
        p.restrict(rows=[3])
    with pytest.raises(PatternError, match="`columns` must be integers"):
        p.restrict(columns=[0.5])
    with pytest.raises(PatternError, match="mask for `rows`"):
        p.restrict(rows=[True, False])


# ----- Dense rows and columns ----------------------------------------------------------------


@pytest.mark.parametrize("dense", [1, 3])
def test_dense_rows_and_columns_cost_one_color_each(dense: int) -> None:
    n = 300
    mask = Pattern.from_offsets((n, n), (-1, 0, 1)).to_dense()
    mask[:dense, :] = True
    assert color(mask, structure="bidirectional").ncolors <= 3 + dense
    assert color(mask.T, structure="bidirectional").ncolors <= 3 + dense
    mask[:, :dense] = True
    assert color(mask, structure="bidirectional").ncolors <= 3 + 2 * dense
    assert color(mask, structure="symmetric").ncolors <= 3 + dense


def test_dense_rows_that_meet_dense_columns_need_a_cover_only() -> None:
    p = preferential(600, 3)
    covered = color(p, structure="bidirectional", order="largest-first")
    prepare_recovery(covered)
    assert np.count_nonzero(covered.colors < 0) > 200
    whole = color(p, structure="bidirectional", order="natural")
    assert covered.ncolors < whole.ncolors < color(p).ncolors


def test_the_bound_of_a_long_band_takes_few_passes(monkeypatch):
    passes = []
    original = Pattern.restrict

    def counted(self, rows=None, columns=None):
        passes.append(self.nnz)
        return original(self, rows, columns)

    monkeypatch.setattr(Pattern, "restrict", counted)
    assert lower_bound(Pattern.from_offsets((5000, 5000), (-1, 0, 1)), "symmetric") == 2
    assert len(passes) <= 3
