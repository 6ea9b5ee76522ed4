"""Adjoints of F(t, y, y') = 0 and of M(t, y) y' = f: against the same equations solved for y'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sparsesolve.front import solve_dae, solve_ivp

TIMES = [0.0, 0.3, 0.5]
TIGHT: dict[str, Any] = {"rtol": 1e-7, "atol": 1e-9, "adjoint": True}
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6}


def slopes(t: Any, x: Any, p: Any) -> Any:
    return -p[0] * x**2 + p[1] * np.roll(x, 1) + p[0] * t


def weighted(t: Any, x: Any, p: Any) -> Any:
    """Return a matrix that no time, state or parameter leaves as it is."""
    return np.diag(1.5 + x**2 + p[1] * t) + 0.2 * p[0] * np.eye(x.size, k=1) * np.sin(x)


def solved(t: Any, x: Any, p: Any) -> Any:
    return np.linalg.solve(weighted(t, x, p), slopes(t, x, p))


def plain(rhs: Any, span: Any, start: Any, p: Any, times: Any, weights: Any) -> Any:
    given = {"args": (p,), "sensitivity": (0, "y0"), "t_eval": times, **TIGHT}
    return solve_ivp(rhs, span, start, **given).vjp(weights)


@pytest.mark.parametrize(
    ("n", "span", "times"),
    [
        (3, (0.0, 0.5), TIMES),
        pytest.param(2, (0.5, -0.1), [0.2, -0.1], marks=pytest.mark.slow),
        *(pytest.param(n, (0.0, 0.5), TIMES, marks=pytest.mark.slow) for n in (1, 32)),
    ],
)
def test_mass_matrices_that_are_functions(n: int, span: Any, times: Any, rng: Any) -> None:
    start, p = rng.uniform(0.5, 1.0, n), np.array([0.7, 0.4])
    weights = rng.normal(size=(n, len(times)))
    given = {"args": (p,), "sensitivity": (0, "y0"), "t_eval": times, **TIGHT}
    run = solve_ivp(slopes, span, start, mass_matrix=weighted, **given)
    assert run.sol is None
    for got, like in zip(
        run.vjp(weights), plain(solved, span, start, p, times, weights), strict=True
    ):
        np.testing.assert_allclose(got, like, **CLOSE)


def test_residuals_that_are_not_linear_in_slopes(rng: Any) -> None:
    """Cubic in one slope, with the real root for the others to compare with."""

    def residual(t: Any, y: Any, yp: Any, p: Any) -> Any:
        return yp**3 + 3.0 * yp - slopes(t, y, p)

    def root(t: Any, y: Any, p: Any) -> Any:  # of v^3 + 3 v = s
        half = 0.5 * slopes(t, y, p)
        outer = np.sqrt(half**2 + 1.0)
        return np.cbrt(outer + half) - np.cbrt(outer - half)

    start, p = rng.uniform(0.5, 1.0, 2), np.array([0.7, 0.4])
    weights = rng.normal(size=(2, 3))
    run = solve_dae(
        residual, (0.0, 0.5), start, args=(p,), sensitivity=(0, "y0"), t_eval=TIMES, **TIGHT
    )
    like = plain(root, (0.0, 0.5), start, p, TIMES, weights)
    for got, wanted in zip(run.vjp(weights), like, strict=True):
        np.testing.assert_allclose(got, wanted, **CLOSE)


def test_unknowns_without_slopes_are_as_if_they_were_put_in(rng: Any) -> None:
    """The last unknown follows the others, acts on them, and is part of the matrix before y'."""

    def follower(x: Any, p: Any) -> Any:
        return p[0] * x[0] + np.sin(x[-1])

    def residual(t: Any, y: Any, yp: Any, p: Any) -> Any:
        x, last = y[:-1], y[-1]
        return np.concatenate(
            [(1.0 + last**2) * yp[:-1] - slopes(t, x, p) + last, [last - follower(x, p)]]
        )

    def put_in(t: Any, x: Any, p: Any) -> Any:
        last = follower(x, p)
        return (slopes(t, x, p) - last) / (1.0 + last**2)

    start, p = rng.uniform(0.5, 1.0, 3), np.array([0.7, 0.4])
    weights = rng.normal(size=(4, 3))
    run = solve_dae(
        residual,
        (0.0, 0.5),
        np.append(start, 9.0),
        args=(p,),
        sensitivity=(0, "y0"),
        t_eval=TIMES,
        dense_output=True,
        **TIGHT,
    )
    assert run.sol(0.3)[-1] == pytest.approx(run.y[-1, 1])
    own = weights[:-1].copy()
    own[0] += p[0] * weights[-1]
    own[-1] += np.cos(run.y[-2]) * weights[-1]
    by_p, by_start = plain(put_in, (0.0, 0.5), start, p, TIMES, own)
    by_p[0] += weights[-1] @ run.y[0]
    got_p, got_start = run.vjp(weights)
    np.testing.assert_allclose(got_p, by_p, **CLOSE)
    np.testing.assert_allclose(got_start, np.append(by_start, 0.0), **CLOSE)


def test_one_argument_gives_one_gradient_and_equations_alone_have_one() -> None:
    run = solve_dae(
        lambda t, y, yp, p: y**3 - p * (1.0 + t), (0.0, 1.0), [1.0], args=(8.0,), sensitivity=0,
        t_eval=[0.5, 1.0], adjoint=True, rtol=1e-8,
    )  # fmt: skip
    exact = [(8.0 * (1.0 + t)) ** (-2 / 3) / 3.0 * (1.0 + t) for t in (0.5, 1.0)]
    assert run.vjp([[1.0, -2.0]]) == pytest.approx(exact[0] - 2.0 * exact[1], rel=1e-6)
    assert run.vjp([[0.0, 0.0]]) == 0.0


def test_what_it_cannot_take_is_refused() -> None:
    def decay(t: Any, y: Any, yp: Any, k: Any) -> Any:
        return yp + k * y

    given: dict[str, Any] = {"args": (1.0,), "sensitivity": 0}
    with pytest.raises(ValueError, match="needs `adjoint=True`"):
        solve_dae(decay, (0, 1), [1.0], **given)
    with pytest.raises(ValueError, match="`adjoint` needs `sensitivity`"):
        solve_dae(decay, (0, 1), [1.0], args=(1.0,), adjoint=True)
    with pytest.raises(ValueError, match="index one, got `index_reduction`"):
        solve_dae(decay, (0, 1), [1.0], adjoint=True, index_reduction=True, **given)
    with pytest.raises(ValueError, match="positions in `args`"):
        solve_dae(decay, (0, 1), [1.0], args=(1.0,), sensitivity=3, adjoint=True)
    with pytest.raises(ValueError, match="cannot jump"):
        solve_dae(
            lambda t, y, yp, k: yp + np.where(t > k, y, -y), (0, 2), [1.0], adjoint=True, **given
        )
    run = solve_dae(decay, (0, 1), [1.0], adjoint=True, t_eval=[1.0], **given)
    with pytest.raises(ValueError, match=r"shape of `y`, \(1, 1\), got \(2,\)"):
        run.vjp([1.0, 2.0])
    mixed = solve_dae(  # one slope for two unknowns
        lambda t, y, yp, k: np.array([yp[0] + yp[1] + k * y[0], y[0] - 2.0 * y[1]]),
        (0, 1), [1.0, 0.5], adjoint=True, **given,
    )  # fmt: skip
    with pytest.raises(ValueError, match="determine all slopes that are in them"):
        mixed.vjp(np.ones(mixed.y.shape))
