"""Stiff problems of fixed size from the Bari test set.

They come with reference solutions to many digits.
Mazzia, Magherini (2008), "Test set for initial value problem solvers", release 2.4, University of
Bari; the values are those of its reference runs.
"""

from __future__ import annotations

import numpy as np

from .cases import OdeCase, Vector

__all__ = ["hires", "medakzo", "orego", "rober", "vdpol"]


def _observe_all(n: int) -> np.ndarray:
    """Every component is compared with the reference."""
    return np.arange(n)


def rober() -> OdeCase:
    """Robertson's chemical kinetics.

    ``y1' = -0.04 y1 + 1e4 y2 y3``, ``y2' = 0.04 y1 - 1e4 y2 y3 - 3e7 y2^2``, ``y3' = 3e7 y2^2``.

    Notes
    -----
    n = 3. Start (1, 0, 0), t from 0 to 1e11. Robertson (1966).
    """

    def rhs(t: float, y: Vector) -> Vector:
        slow, middle, fast = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return np.stack([middle - slow, slow - middle - fast, fast])

    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 1e11),
        y0=np.array([1.0, 0.0, 0.0]),
        observed=_observe_all(3),
        reference=np.array([2.083340149701255e-08, 8.333360770334713e-14, 0.9999999791665050]),
    )


def hires() -> OdeCase:
    """Growth and differentiation of plant tissue under high irradiance light, eight reactants.

    Notes
    -----
    n = 8. Start (1, 0, 0, 0, 0, 0, 0, 0.0057), t from 0 to 321.8122. Schäfer (1975).
    """

    def rhs(t: float, y: Vector) -> Vector:
        y1, y2, y3, y4, y5, y6, y7, y8 = (y[k] for k in range(8))
        bind = 280 * y6 * y8
        rates = [
            -1.71 * y1 + 0.43 * y2 + 8.32 * y3 + 0.0007,
            1.71 * y1 - 8.75 * y2,
            -10.03 * y3 + 0.43 * y4 + 0.035 * y5,
            8.32 * y2 + 1.71 * y3 - 1.12 * y4,
            -1.745 * y5 + 0.43 * y6 + 0.43 * y7,
            -bind + 0.69 * y4 + 1.71 * y5 - 0.43 * y6 + 0.69 * y7,
            bind - 1.81 * y7,
            -bind + 1.81 * y7,
        ]
        return np.stack(rates)

    reference = [
        0.7371312573325668e-3,
        0.1442485726316185e-3,
        0.5888729740967575e-4,
        0.1175651343283149e-2,
        0.2386356198831331e-2,
        0.6238968252742796e-2,
        0.2849998395185769e-2,
        0.2850001604814231e-2,
    ]
    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 321.8122),
        y0=np.array([1.0, 0, 0, 0, 0, 0, 0, 0.0057]),
        observed=_observe_all(8),
        reference=np.array(reference),
    )


def vdpol(epsilon: float = 1e-6) -> OdeCase:
    """Van der Pol's oscillator: ``y1' = y2``, ``y2' = ((1 - y1^2) y2 - y1) / epsilon``.

    Notes
    -----
    n = 2. Start (2, 0), t from 0 to 2. Reference for epsilon = 1e-6. Van der Pol (1926).
    """

    def rhs(t: float, y: Vector) -> Vector:
        return np.stack([y[1], ((1 - y[0] ** 2) * y[1] - y[0]) / epsilon])

    known = epsilon == 1e-6
    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 2.0),
        y0=np.array([2.0, 0.0]),
        observed=_observe_all(2),
        reference=np.array([1.706167732170483, -0.8928097010247975]) if known else None,
    )


def orego() -> OdeCase:
    """Oregonator, a model of the Belousov-Zhabotinskii reaction.

    ``y1' = s (y2 - y1 y2 + y1 - q y1^2)``, ``y2' = (y3 - y2 - y1 y2) / s``, ``y3' = w (y1 - y3)``
    with s = 77.27, q = 8.375e-6, w = 0.161.

    Notes
    -----
    n = 3. Start (1, 2, 3), t from 0 to 360. Field, Noyes (1974).
    """

    def rhs(t: float, y: Vector) -> Vector:
        product = y[0] * y[1]
        rates = [
            77.27 * (y[1] - product + y[0] - 8.375e-6 * y[0] ** 2),
            (y[2] - y[1] - product) / 77.27,
            0.161 * (y[0] - y[2]),
        ]
        return np.stack(rates)

    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 360.0),
        y0=np.array([1.0, 2.0, 3.0]),
        observed=_observe_all(3),
        reference=np.array([1.000814870318523, 1228.178521549917, 132.0554942846706]),
    )


def medakzo(points: int = 200) -> OdeCase:
    """Diffusion of antibodies into tissue with a tumor: the medical Akzo Nobel problem.

    With ``z_j = j h``, ``h = 1 / points``, ``a_j = 2 (z_j - 1)^3 / c^2``,
    ``b_j = (z_j - 1)^4 / c^2``, c = 4, k = 100::

        u_j' = a_j (u_{j+1} - u_{j-1}) / (2 h) + b_j (u_{j-1} - 2 u_j + u_{j+1}) / h^2 - k u_j v_j
        v_j' = -k u_j v_j

    with ``u_0 = phi`` and ``u_{N+1} = u_N``.

    Notes
    -----
    n = 2 points, ordered u_1, v_1, u_2, ...; Jacobian of half bandwidth 2. Start u = 0, v = 1; t
    from 0 to 20. phi is 2 until t = 5 and 0 after: the interval has two pieces, and phi is the
    argument after y. Reference for 200 points, components 79, 133, 171, 199 and 200 (from 1).
    """
    h = 1.0 / points
    z = h * np.arange(1, points + 1) - 1
    transport = 2 * z**3 / 16 / (2 * h)
    diffusion = z**4 / 16 / h**2

    def rhs(t: float, y: Vector, phi: float) -> Vector:
        fields = np.reshape(y, (points, 2))
        u, v = fields[:, 0], fields[:, 1]
        before = np.concatenate([np.reshape(phi, 1), u[:-1]])
        after = np.concatenate([u[1:], u[-1:]])
        reaction = 100 * u * v
        du = transport * (after - before) + diffusion * (before - 2 * u + after) - reaction
        return np.reshape(np.stack([du, -reaction], axis=1), -1)

    reference = [
        0.2339942217046434e-3,
        0.3576835958481664e-3,
        0.3085949832350532e-3,
        0.1173741304462833e-3,
        0.6190822732534586e-5,
    ]
    known = points == 200
    return OdeCase(
        rhs=rhs,
        t_span=(0.0, 20.0),
        y0=np.tile([0.0, 1.0], points),
        observed=np.array([78, 132, 170, 198, 199]) if known else np.empty(0, dtype=np.int64),
        reference=np.array(reference) if known else None,
        pieces=(((0.0, 5.0), (2.0,)), ((5.0, 20.0), (0.0,))),
    )
